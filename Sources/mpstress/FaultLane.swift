import CMultiprocessing
import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// System calls that fail: each operation succeeds or throws an error of the library's, and leaves nothing. It has the program for itself, since
  /// every thread would meet the faults.
  static let faults = Lane(
    kind: "faults",
    operations: [
      Operation("process") { desk in
        try underFaults(desk) { desk.require(try Process.run { 42 } == 42, "another result") }
      },
      Operation("async process") { desk in
        try underFaults(desk) {
          let process = Process {
            await Task.yield()
            return 42
          }
          try process.start()
          desk.require(try process.result() == 42, "another result")
        }
      },
      Operation("large values") { desk in
        let bytes = [UInt8](repeating: 3, count: desk.draw.size(upTo: 1 << 20))
        try underFaults(desk) {
          let process = Process(target: { (bytes: [UInt8]) in bytes }, args: (bytes))
          try process.start()
          desk.require(try process.result() == bytes, "other bytes")
        }
      },
      Operation("queue") { desk in
        try underFaults(desk) {
          let queue = try Queue<[UInt8]>()
          for length in [10, 100_000, 3_000_000] {
            try queue.put([UInt8](repeating: 1, count: length))
            desk.require(try queue.get().count == length, "another element")
          }
        }
      },
      Operation("pool") { desk in
        try underFaults(desk) {
          let pool = try Pool(processes: 2)
          defer {
            pool.close()
            _ = try? pool.join()
          }
          desk.require(try pool.map(0..<50) { $0 + 1 } == Array(1...50), "other results")
        }
      },
      Operation("program") { desk in
        try underFaults(desk) {
          let bytes = [UInt8](repeating: 65, count: 100_000)
          desk.require(try Popen.run(["cat"], input: bytes, timeout: .seconds(600)).output == bytes, "other output")
        }
      },
      Operation("connection") { desk in
        try underFaults(desk) {
          let (first, second) = try Connection.pair()
          defer {
            first.close()
            second.close()
          }
          for length in [1, 70_000, 1_500_000] {
            try first.sendBytes([UInt8](repeating: 5, count: length))
            desk.require(try second.receiveBytes().count == length, "another message")
          }
        }
      },
      Operation("listener") { desk in
        try underFaults(desk) {
          let listener = try Listener(.tcp(host: "127.0.0.1", port: 0))
          defer { listener.close() }
          let first = try Connection.connect(to: listener.address)
          defer { first.close() }
          let second = try listener.accept()
          defer { second.close() }
          try first.send("word")
          desk.require(try second.receive() == "word", "another word")
        }
      },
      Operation("shared memory") { desk in
        try underFaults(desk) {
          let array = try SharedArray(count: 1000, repeating: 1)
          let (lock, semaphore) = (try Lock(), try Semaphore(1))
          try lock.withLock { desk.require(array.reduce(0, +) == 1000, "another sum") }
          try semaphore.acquire()
          let memory = try SharedMemory.create(size: 10_000)
          defer { memory.close() }
          do { desk.require(try SharedMemory.attach(name: memory.name).size >= 10_000, "another size") } catch {
            try again(times: 5) { try memory.unlink() }
            throw error
          }
          try again(times: 5) { try memory.unlink() }
        }
      },
    ], isAlone: true)

  /// What was made has to go, whatever fails meanwhile.
  private static func again(times: Int, _ body: () throws -> Void) throws {
    for _ in 1..<times {
      do { return try body() } catch {}
    }
    try body()
  }

  /// Lets system calls fail while `body` runs, and accepts the errors that may come of that. Without any it must succeed then.
  private static func underFaults(_ desk: Desk, _ body: () throws -> Void) throws {
    let release = armed(desk)
    do {
      defer { release() }
      try body()
    } catch {
      desk.require(isClear(error), "\(error) of kind \(type(of: error))")
      desk.tally.add("system call failed", to: .errors)
    }
    try body()
  }

  /// A table of descriptors with little room; in debug builds as well calls that fail as if.
  private static func armed(_ desk: Desk) -> () -> Void {
    #if DEBUG
      if desk.draw.chance(2) {
        let side = desk.draw.chance(3) ? MP_SIDE_CHILD : MP_SIDE_PARENT
        let error = desk.draw.one(of: [EINTR, EMFILE, ENOMEM, EAGAIN])
        mp_fault_arm(side, Int32(desk.draw.number(0...100)), error, Int32(desk.draw.number(1...2)))
        return { mp_fault_disarm() }
      }
    #endif
    var limits = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
    let used = Set(ProcessFiles.names(in: "/proc/self/fd").compactMap { Int($0) })
    let lowest = (0...used.count).first { !used.contains($0) } ?? used.count
    var narrow = limits
    narrow.rlim_cur = rlim_t(lowest + desk.draw.number(0...16))
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &narrow)
    return { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) }
  }

  /// Whether an error says that the system refuses something, in the words of the library.
  private static func isClear(_ error: any Error) -> Bool {
    switch error {
    case ProcessError.crashed: false
    case is SystemError, is ProcessError, is QueueError, is ConnectionError, is PopenError, is SharedMemoryError,
      is PoolError,
      is SynchronizationError, is CancellationError:
      true
    default: false
    }
  }
}
