import Glibc
import Measuring
import Multiprocessing

extension Benchmark {
  /// What a process costs. A timing goes from the making of the process object to the end of its life, so that everything
  /// a program pays for is in it.
  static var starts: [Benchmark] {
    [
      startJoin(touchedMiB: 0, count: 500),
      startJoin(touchedMiB: 64, count: 100),
      startJoin(touchedMiB: 512, count: 20),
      Benchmark("start_join", "subclass", unit: .microseconds, count: 500) {
        try medianTime($0) { try runToEnd(Idle()) }
      },
      Benchmark("start_join", "async child", unit: .microseconds, count: 500) {
        try medianTime($0) { try runToEnd(asyncIdle()) }
      },
      Benchmark("start_join", "fork of this program alone", unit: .microseconds, count: 500) {
        try medianTime($0, of: BareFork.run)
      },
      Benchmark("start_faults", unit: .faults, count: 100, round: startFaults),
      Benchmark("start_faults", "async child", unit: .faults, count: 100) {
        try median($0) { try faultsOfChildren { try runToEnd(asyncIdle()) } }
      },
      Benchmark("start_faults", "fork of this program alone", unit: .faults, count: 100) {
        try median($0) { try faultsOfChildren(during: BareFork.run) }
      },
      Benchmark("start_cow", unit: .kibibytes, count: 50, round: startCopies),
      Benchmark("start_args_result", unit: .microseconds, count: 500, round: startArgumentsResult),
    ]
  }

  private final class Idle: ProcessBase {
    init() { super.init() }
    override func run() {}
  }

  /// Its child has executors; `Process {}` is synchronous.
  private static func asyncIdle() -> ProcessBase { Process { () async in } }

  private static func runToEnd(_ process: ProcessBase) throws {
    try process.start()
    try process.join()
    guard process.exitCode == 0 else { throw WrongOutcome("the child ended with \(process.exitCode as Any)") }
  }

  private static func startJoin(touchedMiB: Int, count: Int) -> Benchmark {
    Benchmark("start_join", "touched \(touchedMiB) MiB", unit: .microseconds, count: count) { count in
      try withTouchedMemory(mebibytes: touchedMiB) {
        try medianTime(count) { try runToEnd(Process {}) }
      }
    }
  }

  /// The page faults of an empty child, its last ones on the way out included. The kernel adds them to the parent's account
  /// of its children when it reaps one; the child itself could only tell of those up to the question.
  private static func startFaults(_ count: Int) throws -> Double {
    try median(count) { try faultsOfChildren { try runToEnd(Process {}) } }
  }

  /// Of all children that are reaped meanwhile.
  private static func faultsOfChildren(during body: () throws -> Void) throws -> Double {
    let before = try faultsOfChildren()
    try body()
    return Double(try faultsOfChildren() - before)
  }

  private static func faultsOfChildren() throws -> Int {
    var usage = rusage()
    guard getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage) == 0 else {
      throw WrongOutcome("getrusage: errno \(errno)")
    }
    return usage.ru_minflt
  }

  /// The memory that exists twice on account of a child, as seen at the end of its body: pages that it shares with nobody,
  /// because it has written to them, or its parent has since the fork, or because they are new.
  private static func startCopies(_ count: Int) throws -> Double {
    try median(count) {
      let process = Process { try OwnMemory.privateKibibytes() }
      try process.start()
      return Double(try process.result())
    }
  }

  /// Eight integers of 8 bytes to the child, one back.
  private static func startArgumentsResult(_ count: Int) throws -> Double {
    var first = 0
    return try medianTime(count) {
      first += 1
      let process = Process(
        target: { (a: Int, b: Int, c: Int, d: Int, e: Int, f: Int, g: Int, h: Int) in a * h },
        args: (first, first + 1, first + 2, first + 3, first + 4, first + 5, first + 6, first + 7))
      try process.start()
      let product = try process.result()
      guard product == first * (first + 7) else { throw WrongOutcome("\(product) for \(first)") }
    }
  }
}
