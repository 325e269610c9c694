import Glibc
import Measuring
import Multiprocessing

extension Benchmark {
  /// What a program costs, from the making of its object to its reaping.
  static var programs: [Benchmark] {
    [
      spawnTrue(touchedMiB: 0),
      spawnTrue(touchedMiB: 512),
      Benchmark("spawn_echo_capture", unit: .microseconds, count: 200) {
        try medianTime($0) {
          let completed = try Popen.run(["/bin/echo", "x"], stderr: .inherit)
          guard completed.output == [UInt8(ascii: "x"), 10] else { throw WrongOutcome("\(completed)") }
        }
      },
      Benchmark("pipe_cat", "64 MiB through cat", unit: .gibibytesPerSecond, count: 1, round: pipeCat),
    ]
  }

  private static func spawnTrue(touchedMiB: Int) -> Benchmark {
    Benchmark("spawn_true", "touched \(touchedMiB) MiB", unit: .microseconds, count: 200) { count in
      try withTouchedMemory(mebibytes: touchedMiB) {
        try medianTime(count) {
          let status = try Popen(["/bin/true"]).wait()
          guard status == .exited(0) else { throw WrongOutcome("\(status)") }
        }
      }
    }
  }

  private static func pipeCat(_ count: Int) throws -> Double {
    let bytes = [UInt8](repeating: 7, count: 64 << 20)
    let time = try medianTime(count) {
      let output = try Popen.run(["cat"], input: bytes).output
      guard output.count == bytes.count else { throw WrongOutcome("\(output.count) bytes") }
    }
    // Microseconds for 1/16 GiB.
    return 1_000_000 / time / 16
  }
}
