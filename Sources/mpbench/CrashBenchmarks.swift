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
      let instant = try SharedInstant()
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

  private static func crash(_ instant: SharedInstant) {
    let numbers = Array(repeating: 0, count: Int(getpid() & 1))
    instant.value = nanoseconds()
    // Past the end of every such array.
    if numbers[3] == 0 { exit(3) }
  }
}

/// A time that a child notes and its parent reads.
private final class SharedInstant: @unchecked Sendable {
  // Sendable: the child writes before its end, which the parent awaits before it reads.
  private let memory: UnsafeMutablePointer<UInt64>

  init() throws {
    let size = MemoryLayout<UInt64>.size
    let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard let address, address != MAP_FAILED else { throw WrongOutcome("mmap: errno \(errno)") }
    memory = address.bindMemory(to: UInt64.self, capacity: 1)
  }

  deinit { munmap(memory, MemoryLayout<UInt64>.size) }

  var value: UInt64 {
    get { memory.pointee }
    set { memory.pointee = newValue }
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
