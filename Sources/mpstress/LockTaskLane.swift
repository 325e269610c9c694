import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Locks and their kin, waited for by tasks of children that are killed.
  static let lockTasks = Lane(
    kind: "lock-tasks",
    operations: [
      Operation("many tasks, one lock", oneLock), Operation("semaphore", semaphore), Operation("condition", condition),
      Operation("event", event), Operation("barrier", barrier), Operation("here and there", hereAndThere),
    ])

  private static func start(
    _ desk: Desk, _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Void
  ) throws -> [Process<Void>] {
    let processes = (0..<count).map { number in Process { try await body(number) } }
    for process in processes { try process.start() }
    if desk.draw.chance(2) {
      desk.dawdle(upTo: 20_000)
      desk.kill(desk.draw.one(of: processes))
    }
    return processes
  }

  /// Runs `body` on `count` tasks at once.
  private static func atOnce(_ count: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<count { group.addTask { try await body(number) } }
      try await group.waitForAll()
    }
  }

  private static func oneLock(_ desk: Desk) throws {
    let (lock, inside, done) = (try Lock(), try SharedArray(count: 1, repeating: 0), try SharedAtomic(0))
    let (tasks, times) = (desk.draw.size(upTo: 200), desk.draw.size(upTo: 20))
    let processes = try start(desk, desk.draw.number(1...3)) { _ in
      try await atOnce(tasks) { number in
        for time in 0..<times {
          if (number + time) % 7 == 0 {
            do { try await lock.acquire(timeout: .milliseconds(1)) } catch is TimeoutError { continue }
          } else {
            try await lock.acquire()
          }
          if lock.previousOwnerDied {
            inside[0] = 0
            lock.markConsistent()
          }
          if inside[0] != 0 { exit(5) }
          inside[0] = 1
          if time % 3 == 0 { await Task.yield() }
          inside[0] = 0
          done.add(1)
          try lock.release()
        }
      }
    }
    for process in processes { try desk.expectEnd(of: process) }
    try lock.acquire(timeout: .seconds(60))
    try lock.release()
    desk.require(done.load() <= tasks * times * processes.count, "\(done.load()) turns")
  }

  private static func semaphore(_ desk: Desk) throws {
    let permits = desk.draw.number(1...3)
    let (semaphore, times) = (try Semaphore(permits), desk.draw.size(upTo: 50))
    // With one holder for each permit, those that a killed one takes with it are missed by nobody.
    let processes = try start(desk, permits) { _ in
      for time in 0..<times {
        if time % 5 == 0 {
          do {
            try await cancelled {
              try await semaphore.acquire()
              try semaphore.release()
            }
          } catch is CancellationError {}
        }
        try await semaphore.acquire()
        try semaphore.release()
      }
    }
    for process in processes { try desk.expectEnd(of: process) }
    let killed = processes.filter(desk.wasKilled).count
    desk.require(
      permits - killed...permits ~= semaphore.permits, "\(semaphore.permits) of \(permits) permits, \(killed) killed")
  }

  private static func condition(_ desk: Desk) throws {
    let (condition, items) = (try Condition(), try SharedArray(count: 1, repeating: 0))
    let tasks = desk.draw.size(upTo: 30)
    let processes = try start(desk, desk.draw.number(1...3)) { _ in
      try await atOnce(tasks) { number in
        while true {
          try await condition.acquire()
          do {
            try await condition.wait(timeout: .milliseconds(number % 5 == 0 ? 5 : 3_600_000))
          } catch is TimeoutError {}
          let isEnd = items[0] != 0
          try condition.release()
          if isEnd { return }
        }
      }
    }
    desk.dawdle(upTo: 10_000)
    while processes.contains(where: \.isAlive) {
      try condition.acquire(timeout: .seconds(60))
      items[0] = 1
      try condition.notifyAll()
      try condition.release()
      usleep(2000)
    }
    for process in processes { try desk.expectEnd(of: process) }
  }

  private static func event(_ desk: Desk) throws {
    let event = try Event()
    let tasks = desk.draw.size(upTo: 300)
    let processes = try start(desk, desk.draw.number(1...3)) { _ in
      try await atOnce(tasks) { number in
        if number % 9 == 0 {
          do { try await cancelled { try await event.wait() } } catch is CancellationError {}
        }
        try await event.wait()
      }
    }
    desk.dawdle(upTo: 10_000)
    event.set()
    for process in processes { try desk.expectEnd(of: process) }
  }

  private static func barrier(_ desk: Desk) throws {
    let parties = desk.draw.number(2...20)
    let barrier = try Barrier(parties: parties)
    let process = Process {
      try await atOnce(parties) { _ in
        for _ in 0..<5 { try await barrier.wait() }
      }
    }
    try process.start()
    if desk.draw.chance(3) {
      desk.dawdle(upTo: 10_000)
      desk.kill(process)
    }
    try desk.expectEnd(of: process)
  }

  /// A queue between tasks of several children, and threads here.
  private static func hereAndThere(_ desk: Desk) throws {
    let (there, back) = (try Queue<Int>(capacity: desk.draw.one(of: [1, 3, 50])), try Queue<Int>())
    let (count, tasks) = (desk.draw.size(upTo: 200), desk.draw.number(1...10))
    let processes = try start(desk, desk.draw.number(1...3)) { _ in
      try await atOnce(tasks) { _ in
        for try await number in there { try await back.put(number) }
      }
    }
    var put = 0
    while put < count, processes.contains(where: \.isAlive) {
      do {
        try there.put(put, timeout: .milliseconds(50))
        put += 1
      } catch is TimeoutError {}
    }
    there.close()
    for process in processes { try desk.expectEnd(of: process) }
    var seen = Set<Int>()
    while let number = try back.tryGet() {
      desk.require(seen.insert(number).inserted && 0..<put ~= number, "\(number) came twice, or was never put")
    }
    // Of each task of a killed child one number may be on its way.
    let killed = processes.filter(desk.wasKilled).count
    let left = there.count
    desk.require(
      seen.count + left + killed * tasks >= put && (killed > 0 || seen.count == count),
      "\(seen.count) numbers of \(put) came back, \(left) left, \(killed) killed")
  }
}
