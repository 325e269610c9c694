import Measuring
import Multiprocessing

extension Benchmark {
  /// Waits of tasks, some beside the blocking ones that other benchmarks measure.
  static var tasks: [Benchmark] {
    [
      Benchmark("start_join", "async join", unit: .microseconds, count: 500) { count in
        try inTask {
          try await median(count) {
            let process = Process {}
            let start = nanoseconds()
            try process.start()
            try await process.join()
            return microseconds(since: start)
          }
        }
      },
      Benchmark("lock_uncontended", "async", unit: .nanoseconds, count: 20_000) { count in
        let lock = try Lock()
        return try inTask {
          let start = nanoseconds()
          for _ in 0..<count { try await lock.withLock {} }
          return Double(nanoseconds() - start) / Double(count)
        }
      },
      Benchmark("queue_round_trip", "blocking", unit: .microseconds, count: 5000) { count in
        try withEcho { there, back in
          try medianTime(count) {
            try there.put(1)
            _ = try back.get()
          }
        }
      },
      Benchmark("queue_round_trip", "async", unit: .microseconds, count: 5000) { count in
        try withEcho { there, back in
          try inTask {
            try await median(count) {
              let start = nanoseconds()
              try await there.put(1)
              _ = try await back.get()
              return microseconds(since: start)
            }
          }
        }
      },
      cancelling("queue get") {
        let queue = try Queue<Int>()
        return { _ = try await queue.get() }
      },
      cancelling("lock") {
        let lock = try Lock()
        try lock.acquire()
        return { try await lock.acquire() }
      },
      cancelling("connection receive") {
        let (ours, theirs) = try Connection.pair()
        return {
          _ = try await ours.receive(Int.self)
          withExtendedLifetime(theirs) {}
        }
      },
    ]
  }

  /// How long after its cancellation a task goes on that was waiting.
  private static func cancelling(
    _ name: String, _ make: @escaping () throws -> @Sendable () async throws -> Void
  ) -> Benchmark {
    Benchmark("cancel_latency", name, unit: .microseconds, count: 500) { count in
      let wait = try make()
      return try inTask {
        try await median(count) {
          let task = Task { () -> UInt64? in
            do { try await wait() } catch is CancellationError { return nanoseconds() }
            return nil
          }
          // Long enough to be asleep in most of the rounds; the median is of them.
          try await Task.sleep(for: .microseconds(300))
          let start = nanoseconds()
          task.cancel()
          guard let end = try await task.value else { throw WrongOutcome("a wait for nothing has ended") }
          return Double(end - start) / 1000
        }
      }
    }
  }

  private static func withEcho(_ body: (_ there: Queue<Int>, _ back: Queue<Int>) throws -> Double) throws -> Double {
    let (there, back) = (try Queue<Int>(), try Queue<Int>())
    let echo = Process { for number in there { try back.put(number) } }
    try echo.start()
    let result = try body(there, back)
    there.close()
    try echo.result()
    return result
  }

  private static func microseconds(since start: UInt64) -> Double { Double(nanoseconds() - start) / 1000 }

  private static func median(
    _ count: Int, of operation: @Sendable () async throws -> Double
  ) async throws -> Double {
    for _ in 0..<3 { _ = try await operation() }
    var numbers: [Double] = []
    for _ in 0..<count { numbers.append(try await operation()) }
    return numbers.median
  }

  /// Runs `body` on a task, and waits for it.
  private static func inTask(_ body: @escaping @Sendable () async throws -> Double) throws -> Double {
    let end = try Event()
    let result = try SharedValue(0.0)
    let failure = try SharedValue(false)
    Task.detached {
      do { result.value = try await body() } catch { failure.value = true }
      end.set()
    }
    try end.wait()
    if failure.value { throw WrongOutcome("a task failed") }
    return result.value
  }
}
