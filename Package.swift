// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// One idea each, in the folder of its name.
let samples = [
  "arguments", "async-child", "async-queue", "chat", "crash", "crash-proof", "daemon", "echo", "fails", "family",
  "first-done", "group-with-timeout", "join", "keywords", "lines", "mandelbrot", "one-child", "pids", "pipeline",
  "poll", "program-pipeline", "readme", "resource-limits", "result", "robust-lock", "same-task", "shared-counter",
  "side-by-side", "squares", "subclass", "ten-sleeps", "thread-pool", "threads", "three-tasks", "three-threads",
  "thrown-error", "timeout", "trace", "variables", "word-count",
]

// Those whose children write to standard error as well.
let samplesWithErrors: Set = ["resource-limits", "thrown-error"]

let package = Package(
  name: "swift-multiprocessing",
  products: [
    .library(name: "Multiprocessing", targets: ["Multiprocessing"])
  ],
  targets: [
    .target(name: "CMultiprocessing", cSettings: [.define("_GNU_SOURCE")]),
    .target(
      name: "MultiprocessingEngine", dependencies: ["CMultiprocessing"], swiftSettings: settings),
    .target(
      name: "Multiprocessing", dependencies: ["MultiprocessingEngine"], swiftSettings: settings),
    .executableTarget(
      name: "mpbench", dependencies: ["Multiprocessing", "Measuring", "mpbench-coders", "mpbaseline"],
      resources: [.embedInCode("baseline.py")], swiftSettings: settings),
    .executableTarget(name: "mpbaseline", cSettings: [.define("_GNU_SOURCE")]),
    .executableTarget(
      name: "mpbench-coders", dependencies: ["Multiprocessing", "Measuring"], swiftSettings: settings),
    .target(name: "Measuring", dependencies: ["TraceReading"], swiftSettings: settings),
    .executableTarget(
      name: "mpstress", dependencies: ["Multiprocessing", "CMultiprocessing", "Endurance"], swiftSettings: settings),
    .target(name: "Endurance", swiftSettings: settings),
    .executableTarget(name: "mptrace", dependencies: ["TraceReading"], swiftSettings: settings),
    .target(name: "TraceReading", swiftSettings: settings),
    .target(
      name: "CEngineTestSupport", path: "Tests/CEngineTestSupport", cSettings: [.define("_GNU_SOURCE")]),
    .target(name: "TestSupport", path: "Tests/Support", swiftSettings: settings),
    .testTarget(
      name: "EngineTests",
      dependencies: ["MultiprocessingEngine", "CMultiprocessing", "CEngineTestSupport", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "FuzzTests", dependencies: ["Multiprocessing", "MultiprocessingEngine", "TestSupport", "TraceReading"],
      exclude: ["Corpus"], swiftSettings: settings),
    .testTarget(name: "HouseRulesTests", swiftSettings: settings),
    .testTarget(name: "MeasuringTests", dependencies: ["Measuring"], swiftSettings: settings),
    .testTarget(
      name: "TraceTests",
      dependencies: ["Multiprocessing", "MultiprocessingEngine", "CMultiprocessing", "TestSupport", "TraceReading"],
      exclude: ["Golden"], swiftSettings: settings),
    .testTarget(
      name: "MultiprocessingTests",
      dependencies: ["Multiprocessing", "MultiprocessingEngine", "CMultiprocessing", "TestSupport"],
      swiftSettings: settings),
    .testTarget(name: "EnduranceTests", dependencies: ["Endurance", "TestSupport"], swiftSettings: settings),
    .executableTarget(
      name: "fixture", dependencies: ["Multiprocessing"], path: "Tests/Fixture", swiftSettings: settings),
    .executableTarget(
      name: "async-fixture", dependencies: ["Multiprocessing"], path: "Tests/AsyncFixture", swiftSettings: settings),
    .testTarget(
      name: "CrashTests", dependencies: ["Multiprocessing", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "StressTests",
      dependencies: ["Multiprocessing", "MultiprocessingEngine", "CEngineTestSupport", "TestSupport"],
      swiftSettings: settings),
  ]
    + samples.map { sample in
      .executableTarget(
        name: sample, dependencies: ["Multiprocessing"] + (sample == "trace" ? ["mptrace"] : []),
        path: "Samples/\(sample)",
        exclude: ["expected.txt"] + (samplesWithErrors.contains(sample) ? ["expected-errors.txt"] : []),
        swiftSettings: settings)
    }
)
