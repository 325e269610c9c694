import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Children with children, workers and programs of their own: none outlives a parent that is killed.
  static let families = Lane(
    kind: "families",
    operations: [
      Operation("children", { try raise($0) { try startChildren() } }),
      Operation("pool", { try raise($0) { try usePool() } }),
      Operation("tasks", { try raise($0) { try await useTasks() } }),
      Operation("programs", { try raise($0) { try startPrograms() } }),
      Operation("threads", { try raise($0) { try useThreads() } }),
      Operation("queue", { try raise($0) { try useQueue() } }),
    ])

  /// Runs `body` in a child, which is killed, asked to end, or left alone.
  private static func raise(_ desk: Desk, _ body: @escaping @Sendable () throws -> Void) throws {
    try see(
      Process {
        Quiet.down()
        try body()
      }, desk)
  }

  private static func raise(_ desk: Desk, _ body: @escaping @Sendable () async throws -> Void) throws {
    try see(
      Process {
        Quiet.down()
        try await body()
      }, desk)
  }

  private static func see(_ process: Process<Void>, _ desk: Desk) throws {
    try process.start()
    switch desk.draw.number(0...3) {
    case 0:
      desk.dawdle(upTo: 60_000)
      desk.kill(process)
    case 1:
      desk.dawdle(upTo: 60_000)
      desk.kill(process, .terminate)
    default: break
    }
    try desk.expectEnd(of: process)
  }

  private static func startChildren() throws {
    let processes = (0..<4).map { number in
      Process {
        let inner = Process { usleep(5000) }
        try inner.start()
        usleep(UInt32(number * 3000))
        try inner.join()
        return number
      }
    }
    for process in processes { try process.start() }
    for (number, process) in processes.enumerated() {
      guard try process.result() == number else { exit(5) }
    }
  }

  private static func usePool() throws {
    let pool = try Pool(processes: 2)
    for _ in 0..<3 {
      let results = try pool.map(0..<50) { (number: Int) in
        usleep(100)
        return number + 1
      }
      guard results == Array(1...50) else { exit(5) }
    }
    // One that is still at work when the process ends.
    try pool.submit { sleep(3600) }
  }

  private static func useTasks() async throws {
    let queue = try Queue<Int>(capacity: 2)
    let process = Process {
      for try await number in queue where number < 0 { exit(6) }
    }
    try process.start()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<20 {
        group.addTask { try await queue.put(number) }
      }
      try await group.waitForAll()
    }
    queue.close()
    guard try await process.join(), process.exitCode == 0 else { exit(5) }
  }

  private static func startPrograms() throws {
    var options = Popen.Options()
    options.diesWithParent = true
    let program = try Popen(["sleep", "3600"], options: options)
    let completed = try Popen.run(["cat"], input: Array("text".utf8), options: options)
    guard completed.outputText == "text" else { exit(5) }
    usleep(5000)
    program.kill()
    try program.wait()
  }

  private static func useThreads() throws {
    let threads = (0..<3).map { number in
      Multiprocessing.Thread {
        let process = Process { number }
        try process.start()
        return try process.result()
      }
    }
    for thread in threads { try thread.start() }
    guard try threads.map({ try $0.result() }) == [0, 1, 2] else { exit(5) }
  }

  private static func useQueue() throws {
    let queue = try Queue<Int>(capacity: 1)
    let producer = Process {
      for number in 0..<100 { try queue.put(number) }
      queue.close()
    }
    try producer.start()
    var expected = 0
    for number in queue {
      guard number == expected else { exit(5) }
      expected += 1
    }
    try producer.join()
    guard expected == 100 else { exit(5) }
  }
}
