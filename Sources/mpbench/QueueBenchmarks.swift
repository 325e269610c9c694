import Measuring
import Multiprocessing

extension Benchmark {
  /// Messages of 64 bytes through one queue, each side in processes of its own.
  static var queues: [Benchmark] {
    [
      Benchmark("queue_1p1c", unit: .messagesPerSecond, count: 1_000_000) { try messageRate($0, pairs: 1) },
      Benchmark("queue_2p2c", unit: .messagesPerSecond, count: 500_000) { try messageRate($0, pairs: 2) },
    ]
  }

  private static func messageRate(_ count: Int, pairs: Int) throws -> Double {
    let share = count / pairs
    let messages = try Queue<[UInt8]>()
    let go = try Queue<Bool>()
    let producers = (0..<pairs).map { _ in
      Process {
        let message = [UInt8](repeating: 7, count: 64)
        _ = try go.get()
        for _ in 0..<share { try messages.put(message) }
      }
    }
    let consumers = (0..<pairs).map { _ in
      Process {
        _ = try go.get()
        for _ in 0..<share {
          guard try messages.get().count == 64 else { throw WrongOutcome("a message of another length") }
        }
      }
    }
    for process in producers + consumers { try process.start() }
    let start = nanoseconds()
    for _ in 0..<2 * pairs { try go.put(true) }
    for process in producers + consumers { try process.result() }
    return Double(share * pairs) / (Double(nanoseconds() - start) / 1e9)
  }
}
