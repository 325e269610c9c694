import Endurance
import Glibc
import Multiprocessing
import Synchronization

extension Lane {
  /// The async twins, in tasks of this process, which are cancelled now and then.
  static let tasks = Lane(
    kind: "tasks",
    operations: [
      Operation("children", inTask(children)), Operation("cancelled waits", inTask(cancelledWaits)),
      Operation("queue", inTask(queue)), Operation("pool", inTask(pool)), Operation("programs", inTask(programs)),
      Operation("connection", inTask(connection)), Operation("locks", inTask(locks)),
    ])

  /// Runs `body` on a task, and waits for its end with what is not tested here.
  private static func inTask(_ body: @escaping @Sendable (Desk) async throws -> Void) -> @Sendable (Desk) throws -> Void
  {
    { desk in
      let (isDone, failure) = (Count(), Box<(any Error)?>(nil))
      Task.detached {
        do { try await body(desk) } catch { failure.set(error) }
        isDone.add()
      }
      while isDone.value == 0 { usleep(500) }
      if let error = failure.value { throw error }
    }
  }

  /// As `answer(of:)`, without blocking.
  private static func answer<Output>(_ process: Process<Output>, _ desk: Desk) async throws -> Output? {
    do {
      return try await process.result()
    } catch ProcessError.killed(.kill) where desk.wasKilled(process) {
      desk.tally.add("killed", to: .errors)
      return nil
    }
  }

  private static func children(_ desk: Desk) async throws {
    let processes = (0..<desk.draw.number(1...10)).map { number in
      let pause = desk.draw.size(upTo: 20_000)
      return number % 2 == 0
        ? Process {
          usleep(UInt32(pause))
          return number
        }
        : Process {
          try await Task.sleep(for: .microseconds(pause))
          return number
        }
    }
    for process in processes { try process.start() }
    if desk.draw.chance(3) { desk.kill(processes[0]) }
    for (number, process) in processes.enumerated() {
      let answer = try await answer(process, desk)
      desk.require(answer == nil || answer == number, "\(answer ?? 0) for \(number)")
    }
  }

  private static func cancelledWaits(_ desk: Desk) async throws {
    let process = Process<Int> {
      while true { sleep(3600) }
    }
    try process.start()
    for _ in 0..<desk.draw.size(upTo: 50) {
      do {
        switch desk.draw.number(0...2) {
        case 0: _ = try await cancelled { try await process.join() }
        case 1: _ = try await cancelled { try await process.result() }
        default:
          desk.require(
            !(try await process.join(timeout: .microseconds(100))) || desk.wasKilled(process), "an end too early")
        }
      } catch is CancellationError {
        desk.tally.add("cancelled", to: .errors)
      } catch ProcessError.killed(.kill) where desk.wasKilled(process) {}
    }
    desk.kill(process)
    desk.require(try await answer(process, desk) == nil, "a value came of a process that never ends")
  }

  private static func queue(_ desk: Desk) async throws {
    let count = desk.draw.size(upTo: 500)
    let queue = try Queue<Int>(capacity: desk.draw.one(of: [1, 8, 100]))
    let results = try Queue<Int>()
    let process = Process {
      for try await number in queue { try await results.put(number * 2) }
      results.close()
    }
    try process.start()
    var put = 0
    while put < count, process.isAlive {
      do {
        let number = put
        if desk.draw.chance(8) {
          try await cancelled { try await queue.put(number) }
        } else {
          try await queue.put(number, timeout: .seconds(1))
        }
        put += 1
      } catch is CancellationError {
      } catch is TimeoutError {}
    }
    queue.close()
    var got = 0
    while true {
      do {
        let number = try await results.get(timeout: .milliseconds(process.isAlive ? 100 : 0))
        desk.require(number == got * 2, "\(number) in place of \(got * 2)")
        got += 1
      } catch is TimeoutError {
        if !process.isAlive, results.isEmpty, !results.isClosed { break }
      } catch QueueError.closed {
        break
      }
    }
    try await process.join()
    try finish(process, desk)
    desk.require(got == put && put == count || desk.wasKilled(process), "\(count) numbers, \(put) put, \(got) got")
  }

  private static func finish(_ process: ProcessBase, _ desk: Desk) throws { try desk.expectEnd(of: process) }

  private static func isKill(_ error: any Error, _ desk: Desk) -> Bool {
    guard case ProcessError.killed(.kill) = error, !Kills.all.isEmpty else { return false }
    desk.tally.add("killed", to: .errors)
    return true
  }

  private static func pool(_ desk: Desk) async throws {
    let pool = try Pool(processes: desk.draw.number(1...3))
    let count = desk.draw.size(upTo: 500)
    let results = try await pool.mapResults(0..<count) { (number: Int) in number + 1 }
    for (number, result) in results.enumerated() {
      switch result {
      case .success(let value): desk.require(value == number + 1, "\(value) for \(number)")
      case .failure(let error): desk.require(isKill(error, desk), "\(error) for \(number)")
      }
    }
    desk.require(results.count == count, "\(results.count) results of \(count)")
    do {
      try await cancelled {
        _ = try await pool.map(0..<1000) { (number: Int) in
          usleep(1000)
          return number
        }
      }
    } catch is CancellationError {
      desk.tally.add("cancelled", to: .errors)
    } catch { desk.require(isKill(error, desk), "\(error)") }
    var answers = 0
    for try await result in try pool.imap(0..<count, { $0 * 2 }) {
      if case .success(let value) = result { desk.require(value == answers * 2, "\(value) is result \(answers)") }
      answers += 1
    }
    desk.require(answers == count, "\(answers) answers of \(count) inputs")
    let future = try pool.submit {
      try await Task.sleep(for: .milliseconds(1))
      return 3
    }
    do { desk.require(try await future.value == 3, "another value") } catch {
      desk.require(isKill(error, desk), "\(error)")
    }
    pool.close()
    desk.require(try await pool.join(), "join() of a closed pool came back with false")
  }

  private static func programs(_ desk: Desk) async throws {
    do {
      let bytes = [UInt8](repeating: 65, count: desk.draw.size(upTo: 500_000))
      let completed = try await Popen.run(["cat"], input: bytes)
      if completed.isSuccess {
        desk.require(completed.output == bytes, "\(completed.output.count) bytes of \(bytes.count) came back")
      } else {
        desk.require(completed.status == .signaled(.kill) && !Kills.all.isEmpty, "cat ended with \(completed.status)")
      }
      try await cancelled { _ = try await Popen.run(["sleep", "3600"]) }
    } catch is CancellationError {
      desk.tally.add("cancelled", to: .errors)
    }
    do {
      _ = try await Popen.run(["sleep", "3600"], timeout: .milliseconds(desk.draw.number(1...30)))
    } catch is TimeoutError {
      desk.tally.add("out of time", to: .errors)
    }
  }

  private static func connection(_ desk: Desk) async throws {
    let (connection, other) = try Connection.pair()
    defer { connection.close() }
    let process = Process {
      while true {
        let number: Int = try await other.receive()
        if number < 0 { return }
        try other.send(number + 1)
      }
    }
    try process.start()
    other.close()
    for number in 0..<desk.draw.size(upTo: 100) {
      do {
        try connection.send(number)
        while true {
          do {
            let answer: Int = try await connection.receive(timeout: .milliseconds(process.isAlive ? 100 : 0))
            desk.require(answer == number + 1, "\(answer) for \(number)")
            break
          } catch is TimeoutError {
            if !process.isAlive { throw ConnectionError.peerClosed }
          }
        }
      } catch ConnectionError.peerClosed {
        try await process.join()
        desk.require(desk.wasKilled(process), "the peer closed with \(process.exitCode ?? 0)")
        return
      }
    }
    do { try connection.send(-1) } catch ConnectionError.peerClosed {}
    try await process.join()
    try finish(process, desk)
  }

  private static func locks(_ desk: Desk) async throws {
    let (lock, event) = (try Lock(), try Event())
    let process = Process {
      try await lock.acquire()
      event.set()
      try await Task.sleep(for: .milliseconds(5))
      try lock.release()
    }
    try process.start()
    while !event.isSet, process.isAlive {
      do { try await event.wait(timeout: .milliseconds(20)) } catch is TimeoutError {}
    }
    do {
      try await cancelled {
        try await lock.acquire()
        try lock.release()
      }
    } catch is CancellationError {}
    try await lock.acquire(timeout: .seconds(60))
    try lock.release()
    try await process.join()
    try finish(process, desk)
  }
}

/// A value that two threads hand over.
private final class Box<Value: Sendable>: Sendable {
  private let content: Mutex<Value>
  init(_ value: Value) { content = Mutex(value) }
  func set(_ value: Value) { content.withLock { $0 = value } }
  var value: Value { content.withLock { $0 } }
}
