import Glibc
import Measuring
import Multiprocessing

extension Benchmark {
  /// An event of a trace, recorded and not.
  static var traces: [Benchmark] {
    [
      Benchmark("trace_off", "mark", unit: .nanoseconds, count: 10_000_000) { try marks($0) },
      Benchmark("trace_off", "span", unit: .nanoseconds, count: 10_000_000) { try spans($0) },
      Benchmark("trace_on", "mark", unit: .nanoseconds, count: 50_000) { count in try tracing { try marks(count) } },
      Benchmark("trace_on", "span", unit: .nanoseconds, count: 25_000) { count in try tracing { try spans(count) } },
    ]
  }

  private static func marks(_ count: Int) throws -> Double {
    let start = nanoseconds()
    for _ in 0..<count { Trace.mark("an event") }
    return Double(nanoseconds() - start) / Double(count)
  }

  private static func spans(_ count: Int) throws -> Double {
    var sum = 0
    let start = nanoseconds()
    for number in 0..<count { Trace.span("a span") { sum &+= number } }
    let time = Double(nanoseconds() - start) / Double(count)
    guard sum == count * (count - 1) / 2 else { throw WrongOutcome("\(sum)") }
    return time
  }

  private static func tracing(_ body: () throws -> Double) throws -> Double {
    let path = "/tmp/mpbench-\(getpid()).trace"
    try Trace.start(path: path)
    defer {
      Trace.stop()
      unlink(path)
    }
    return try body()
  }
}
