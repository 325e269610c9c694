import Measuring
import Multiprocessing

extension Benchmark {
  /// What a thread costs, from the making of its object to the end of its life.
  static var threads: [Benchmark] {
    [
      Benchmark("thread_start_join", unit: .microseconds, count: 5_000) {
        try medianTime($0) {
          let thread = Thread {}
          try thread.start()
          try thread.join()
        }
      },
      Benchmark("thread_start_join", "subclass", unit: .microseconds, count: 5_000) {
        try medianTime($0) {
          let thread = IdleThread()
          try thread.start()
          try thread.join()
        }
      },
      Benchmark("thread_pool_submit_latency", unit: .microseconds, count: 5_000, round: submitLatency),
      Benchmark("thread_pool_map_tiny", "chunk default", unit: .tasksPerSecond, count: 2_000_000, round: tiny),
    ]
  }

  private static func submitLatency(_ count: Int) throws -> Double {
    let pool = try ThreadPool(threads: 2)
    _ = try pool.submit { 0 }.result()
    let time = try medianTime(count) {
      guard try pool.submit({ 3 * 3 }).result() == 9 else { throw WrongOutcome("another square") }
    }
    pool.close()
    try pool.join()
    return time
  }

  private static func tiny(_ count: Int) throws -> Double {
    let pool = try ThreadPool(threads: 2)
    _ = try pool.map(0..<64, chunkSize: 1) { $0 }
    let start = nanoseconds()
    let squares = try pool.map(0..<count) { $0 &* $0 }
    let seconds = Double(nanoseconds() - start) / 1e9
    guard squares.count == count, squares.last == (count - 1) * (count - 1) else { throw WrongOutcome("other squares") }
    pool.close()
    try pool.join()
    return Double(count) / seconds
  }

  private final class IdleThread: ThreadBase {
    init() { super.init() }
    override func run() {}
  }
}
