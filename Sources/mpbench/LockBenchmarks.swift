import Glibc
import Measuring
import Multiprocessing

extension Benchmark {
  /// Taking a lock, counting under it, and giving it back.
  static var locks: [Benchmark] {
    [
      Benchmark("lock_uncontended", unit: .nanoseconds, count: 1_000_000) { count in
        let (lock, counter) = (try Lock(), try SharedNumber())
        let start = nanoseconds()
        try add(count, to: counter, under: lock)
        return Double(nanoseconds() - start) / Double(count)
      },
      Benchmark("lock_contended_2", unit: .operationsPerSecond, count: 0, round: contended),
    ]
  }

  private static func add(_ count: Int, to counter: SharedNumber, under lock: Lock) throws {
    for _ in 0..<count {
      try lock.acquire()
      counter.value += 1
      try lock.release()
    }
  }

  /// Two processes, each on a processor of its own, for a fifth of a second.
  private static func contended(_: Int) throws -> Double {
    let (lock, counter, start, stop) = (try Lock(), try SharedNumber(), try Barrier(parties: 3), try Event())
    let processes = (0..<2).map { number in
      Process { () throws -> Int in
        try pin(to: number)
        var count = 0
        try start.wait(timeout: .seconds(10))
        while !stop.isSet {
          try add(100, to: counter, under: lock)
          count += 100
        }
        return count
      }
    }
    for process in processes { try process.start() }
    try start.wait(timeout: .seconds(10))
    let begin = nanoseconds()
    usleep(200_000)
    stop.set()
    let seconds = Double(nanoseconds() - begin) / 1e9
    let total = try processes.map { try $0.result() }.reduce(0, +)
    guard counter.value == total else { throw WrongOutcome("counted \(counter.value) of \(total)") }
    return Double(total) / seconds
  }

  /// To the processor of that number among those that this process may use, if there are as many.
  private static func pin(to number: Int) throws {
    var allowed = ProcessorSet()
    try call("sched_getaffinity", &allowed)
    let processors = (0..<64).filter { allowed >> $0 & 1 == 1 }
    guard number < processors.count else { return }
    var chosen: ProcessorSet = 1 << processors[number]
    try call("sched_setaffinity", &chosen)
  }

  /// One bit for each of the first processors.
  private typealias ProcessorSet = UInt64

  /// Swift does not offer sched_setaffinity(2) by name, nor its sister.
  private static func call(_ name: String, _ set: inout ProcessorSet) throws {
    typealias Function = @convention(c) (pid_t, Int, UnsafeMutablePointer<ProcessorSet>) -> Int32
    guard let symbol = dlsym(nil, name) else { throw WrongOutcome("\(name) is not to be found") }
    let result = unsafeBitCast(symbol, to: Function.self)(0, MemoryLayout<ProcessorSet>.size, &set)
    guard result >= 0 else { throw WrongOutcome("\(name): errno \(errno)") }
  }
}
