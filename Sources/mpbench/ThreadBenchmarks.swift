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
    ]
  }

  private final class IdleThread: ThreadBase {
    init() { super.init() }
    override func run() {}
  }
}
