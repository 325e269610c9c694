import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Locks and their kin, with holders and waiters that are killed.
  static let locks = Lane(
    kind: "locks",
    operations: [
      Operation("lock", lock), Operation("lock in tasks", lockInTasks), Operation("semaphore", semaphore),
      Operation("condition", condition), Operation("barrier", barrier), Operation("event", event),
    ])

  /// Starts `count` children, and kills some of them later.
  private static func children(
    _ desk: Desk, _ count: Int, _ body: @escaping @Sendable (Int) throws -> Void
  ) throws -> [Process<Void>] {
    let processes = (0..<count).map { number in Process { try body(number) } }
    for process in processes { try process.start() }
    return processes
  }

  private static func killSome(_ desk: Desk, _ processes: [Process<Void>]) {
    guard desk.draw.chance(2) else { return }
    for victim in processes.shuffled(using: &desk.draw).prefix(desk.draw.number(1...2)) {
      desk.dawdle(upTo: 10_000)
      desk.kill(victim)
    }
  }

  /// Numbers that are equal whenever nobody holds the lock, unless their last holder has died.
  private struct Twins: Sendable {
    let numbers: SharedArray<Int>
    init() throws { numbers = try SharedArray(count: 3, repeating: 0) }

    /// Called by the holder; `isRepaired` when the last one died.
    func count(isBroken: Bool) -> Bool {
      if isBroken { numbers[1] = numbers[0] }
      guard numbers[0] == numbers[1] else { return false }
      numbers[0] += 1
      numbers[1] += 1
      return true
    }
  }

  private static func lock(_ desk: Desk) throws {
    let (lock, recursive, twins) = (try Lock(), try RecursiveLock(), try Twins())
    let times = desk.draw.size(upTo: 2000)
    let usesBoth = desk.draw.chance(2)
    let processes = try children(desk, desk.draw.number(2...4)) { number in
      for time in 0..<times {
        if usesBoth {
          try recursive.acquire()
          try recursive.acquire()
        }
        if time % 7 == number {
          do { try lock.acquire(timeout: .milliseconds(1)) } catch is TimeoutError { try lock.acquire() }
        } else {
          try lock.acquire()
        }
        let isBroken = lock.previousOwnerDied
        if isBroken { lock.markConsistent() }
        guard twins.count(isBroken: isBroken) else { exit(5) }
        try lock.release()
        if usesBoth {
          try recursive.release()
          try recursive.release()
        }
      }
    }
    killSome(desk, processes)
    for process in processes { try desk.expectEnd(of: process) }
    try lock.acquire(timeout: .seconds(60))
    try recursive.acquire(timeout: .seconds(60))
    let killed = processes.filter(desk.wasKilled).count
    let (count, least) = (twins.numbers[0], times * (processes.count - killed))
    desk.require(count >= least && count <= times * processes.count, "counted \(count), at least \(least) expected")
    desk.require(lock.previousOwnerDied || count == twins.numbers[1], "half a change, and nobody died with the lock")
    try recursive.release()
    try lock.release()
  }

  private static func lockInTasks(_ desk: Desk) throws {
    let (lock, twins) = (try Lock(), try Twins())
    let times = desk.draw.size(upTo: 200)
    let processes = (0..<desk.draw.number(1...3)).map { _ in
      Process {
        for time in 0..<times {
          if time % 5 == 0 {
            do {
              try await cancelled {
                try await lock.acquire()
                try lock.release()
              }
            } catch is CancellationError {}
          }
          try await lock.acquire()
          let isBroken = lock.previousOwnerDied
          if isBroken { lock.markConsistent() }
          guard twins.count(isBroken: isBroken) else { exit(5) }
          try lock.release()
        }
      }
    }
    for process in processes { try process.start() }
    killSome(desk, processes)
    for process in processes { try desk.expectEnd(of: process) }
    try lock.acquire(timeout: .seconds(60))
    desk.require(
      lock.previousOwnerDied || twins.numbers[0] == twins.numbers[1], "half a change, and nobody died with the lock")
    try lock.release()
  }

  private static func semaphore(_ desk: Desk) throws {
    let permits = desk.draw.number(1...3)
    let (semaphore, inside) = (try Semaphore(permits), try SharedAtomic(0))
    let times = desk.draw.size(upTo: 1000)
    // A killed one may take a permit with it: more users than permits would wait for ever.
    let processes = try children(desk, permits) { _ in
      for _ in 0..<times {
        try semaphore.acquire()
        if inside.add(1) > permits { exit(5) }
        inside.add(-1)
        try semaphore.release()
      }
    }
    killSome(desk, processes)
    for process in processes { try desk.expectEnd(of: process) }
    let killed = processes.filter(desk.wasKilled).count
    desk.require(
      permits - killed...permits ~= semaphore.permits, "\(semaphore.permits) of \(permits) permits, \(killed) killed")
    try semaphore.release()
    try semaphore.acquire(timeout: .seconds(60))
  }

  private static func condition(_ desk: Desk) throws {
    let (condition, items) = (try Condition(), try SharedArray(count: 2, repeating: 0))
    let count = desk.draw.size(upTo: 300)
    let processes = try children(desk, desk.draw.number(1...3)) { _ in
      while true {
        try condition.acquire()
        try condition.wait { items[0] != 0 }
        let isEnd = items[0] < 0
        if !isEnd {
          items[0] -= 1
          items[1] += 1
        }
        try condition.release()
        if isEnd { return }
      }
    }
    for _ in 0..<count {
      try condition.acquire(timeout: .seconds(60))
      items[0] += 1
      try condition.notify()
      try condition.release()
    }
    killSome(desk, processes)
    while processes.contains(where: \.isAlive), items[0] > 0 {
      // Notified ones may have been killed.
      try condition.acquire(timeout: .seconds(60))
      try condition.notifyAll()
      try condition.release()
      usleep(1000)
    }
    let left = items[0]
    try condition.acquire(timeout: .seconds(60))
    items[0] = -1
    try condition.notifyAll()
    try condition.release()
    for process in processes { try desk.expectEnd(of: process) }
    let killed = processes.filter(desk.wasKilled).count
    // A killed one may have taken an item, and not counted it.
    desk.require(
      count - left - killed...count - left ~= items[1],
      "\(items[1]) of \(count) items taken, \(left) left, \(killed) killed")
    desk.require(left == 0 || killed == processes.count, "\(left) items left, and somebody there to take them")
  }

  private static func barrier(_ desk: Desk) throws {
    let parties = desk.draw.number(2...4)
    let (barrier, places) = (try Barrier(parties: parties), try SharedArray(count: 64, repeating: UInt8(0)))
    let processes = try children(desk, parties) { _ in
      do {
        for time in 0..<10 { places[time * parties + (try barrier.wait())] += 1 }
      } catch SynchronizationError.brokenBarrier {
        exit(9)
      }
    }
    killSome(desk, processes)
    while processes.contains(where: \.isAlive) {
      // One that was killed between two waits has broken nothing.
      if processes.contains(where: desk.wasKilled) { barrier.abort() }
      usleep(1000)
    }
    let isShort = processes.contains(where: desk.wasKilled)
    for process in processes where !desk.wasKilled(process) {
      desk.require(
        process.exitCode == 0 || process.exitCode == 9 && isShort, "a party ended with \(process.exitCode ?? 0)")
    }
    if isShort {
      desk.tally.add("broken barrier", to: .errors)
    } else {
      desk.require(places.prefix(10 * parties).allSatisfy { $0 == 1 }, "places \(Array(places)) of \(parties) parties")
    }
    barrier.reset()
    try passOnce(barrier, desk)
  }

  /// A barrier that was reset is as new.
  private static func passOnce(_ barrier: Barrier, _ desk: Desk) throws {
    let others = try children(desk, barrier.parties - 1) { _ in
      do { try barrier.wait() } catch SynchronizationError.brokenBarrier { exit(9) }
    }
    while barrier.waiting < others.count, !barrier.isBroken, !others.contains(where: desk.wasKilled) { usleep(1000) }
    if others.contains(where: desk.wasKilled) { barrier.abort() }
    do {
      try barrier.wait()
    } catch SynchronizationError.brokenBarrier {
      for process in others { try process.join() }
      desk.require(others.contains(where: desk.wasKilled), "a barrier that was reset is broken")
    }
    for process in others { try process.join() }
  }

  private static func event(_ desk: Desk) throws {
    let event = try Event()
    let processes = try children(desk, desk.draw.number(1...5)) { number in
      if number % 2 == 0 {
        try event.wait()
      } else {
        while true {
          do { return try event.wait(timeout: .milliseconds(3)) } catch is TimeoutError {}
        }
      }
    }
    killSome(desk, processes)
    desk.dawdle(upTo: 20_000)
    event.set()
    for process in processes { try desk.expectEnd(of: process) }
    desk.require(event.isSet, "an event that was set is not")
  }
}
