import Glibc
import Measuring
import Multiprocessing

extension Benchmark {
  /// From the instruction before a child's fatal one to the error in its parent's hands.
  static var crashes: [Benchmark] {
    [
      crashToError("unsymbolised", count: 100) { _ in },
      crashToError("symbolised", count: 50) { error in
        guard "\(error)".contains("\n") else { throw WrongOutcome("no backtrace in \(error)") }
      },
    ]
  }

  private static func crashToError(
    _ variant: String, count: Int, read: @escaping (ProcessError) throws -> Void
  ) -> Benchmark {
    Benchmark("crash_to_error", variant, unit: .microseconds, count: count) { count in
      let instant = try SharedNumber()
      // What the runtime says of each crash goes to the child's standard error.
      return try withStandardErrorSilenced {
        try median(count) {
          do {
            try Process.run { crash(instant) }
          } catch let error as ProcessError {
            guard case .crashed = error else { throw error }
            try read(error)
            return Double(nanoseconds() - instant.value) / 1000
          }
          throw WrongOutcome("the child did not crash")
        }
      }
    }
  }

  private static func crash(_ instant: SharedNumber) {
    let numbers = Array(repeating: 0, count: Int(getpid() & 1))
    instant.value = nanoseconds()
    // Past the end of every such array.
    if numbers[3] == 0 { exit(3) }
  }
}

private func withStandardErrorSilenced<Result>(_ body: () throws -> Result) throws -> Result {
  let former = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
  guard former >= 0 else { throw WrongOutcome("dup: errno \(errno)") }
  defer { close(former) }
  let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
  guard null >= 0 else { throw WrongOutcome("/dev/null: errno \(errno)") }
  defer { close(null) }
  guard dup2(null, STDERR_FILENO) >= 0 else { throw WrongOutcome("dup2: errno \(errno)") }
  defer { dup2(former, STDERR_FILENO) }
  return try body()
}
