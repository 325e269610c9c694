import Measuring
import Multiprocessing

extension Benchmark {
  /// Pools of two workers.
  static var pools: [Benchmark] {
    [
      Benchmark("pool_create_use_close", "2 workers", unit: .microseconds, count: 100) {
        try medianTime($0, of: createUseClose)
      },
      Benchmark("pool_submit_latency", "registered", unit: .microseconds, count: 5000, round: registeredLatency),
      Benchmark("pool_submit_latency", "new closure", unit: .microseconds, count: 300, round: closureLatency),
      Benchmark("pool_map_new_closure", "warm pool", unit: .microseconds, count: 300, round: newClosure),
      tiny("chunk 1", 1, count: 500_000),
      tiny("chunk 64", 64, count: 2_000_000),
      tiny("chunk default", nil, count: 4_000_000),
      Benchmark("pool_map_64x1MiB", unit: .gibibytesPerSecond, count: 64, round: blobs),
    ]
  }

  private static func withPool<Output>(_ body: (Pool, PoolFunction<Int, Int>) throws -> Output) throws -> Output {
    let pool = try Pool(processes: 2)
    let square = try pool.register { (number: Int) in number &* number }
    _ = try pool.map(0..<64, chunkSize: 1, square)
    let output = try body(pool, square)
    pool.close()
    try pool.join()
    return output
  }

  private static func createUseClose() throws {
    let pool = try Pool(processes: 2)
    guard try pool.map(0..<2, chunkSize: 1, { (number: Int) in number &* number }) == [0, 1] else {
      throw WrongOutcome("other squares")
    }
    pool.close()
    try pool.join()
  }

  private static func registeredLatency(_ count: Int) throws -> Double {
    try withPool { pool, square in
      try medianTime(count) {
        guard try pool.submit(square, args: 3).result() == 9 else { throw WrongOutcome("another square") }
      }
    }
  }

  private static func closureLatency(_ count: Int) throws -> Double {
    try withPool { pool, _ in
      try medianTime(count) {
        guard try pool.submit({ 3 * 3 }).result() == 9 else { throw WrongOutcome("another square") }
      }
    }
  }

  private static func newClosure(_ count: Int) throws -> Double {
    try withPool { pool, _ in
      try medianTime(count) {
        guard try pool.map(0..<2, chunkSize: 1, { (number: Int) in number + 1 }) == [1, 2] else {
          throw WrongOutcome("other sums")
        }
      }
    }
  }

  private static func tiny(_ variant: String, _ chunkSize: Int?, count: Int) -> Benchmark {
    Benchmark("pool_map_tiny", variant, unit: .tasksPerSecond, count: count) { count in
      try withPool { pool, square in
        let start = nanoseconds()
        let squares = try pool.map(0..<count, chunkSize: chunkSize, square)
        let seconds = Double(nanoseconds() - start) / 1e9
        guard squares.count == count, squares.last == (count - 1) * (count - 1) else {
          throw WrongOutcome("other squares")
        }
        return Double(count) / seconds
      }
    }
  }

  /// 64 byte strings of 1 MiB there, their lengths back.
  private static func blobs(_ count: Int) throws -> Double {
    let blobs = (0..<count).map { [UInt8](repeating: UInt8($0), count: 1 << 20) }
    let pool = try Pool(processes: 2)
    let length = try pool.register { (blob: [UInt8]) in blob.count }
    _ = try pool.map(blobs[..<2], chunkSize: 1, length)
    let start = nanoseconds()
    let lengths = try pool.map(blobs, length)
    let seconds = Double(nanoseconds() - start) / 1e9
    guard lengths.allSatisfy({ $0 == 1 << 20 }) else { throw WrongOutcome("other lengths") }
    return Double(count) / 1024 / seconds
  }
}
