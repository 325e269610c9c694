import Glibc
import Multiprocessing
import MultiprocessingEngine
import TestSupport
import XCTest

import class Multiprocessing.Process

/// Tasks that wait for events, conditions and barriers.
final class TaskConditionTests: KeptTestCase {
  // MARK: Events

  func testAnEventThatAChildSets() async throws {
    let (event, gate) = (try Event(), Gate())
    let child = Process {
      gate.pass()
      event.set()
      event.clear()
      event.set()
    }
    try child.start()
    let tasks = (0..<10).map { _ in Task { try await event.wait() } }
    try await untilWaiting(10)
    gate.open()
    for task in tasks { try await task.value }
    try await event.wait(timeout: .zero)
    try await child.join()
  }

  func testTimeoutsAndCancellation() async throws {
    let (event, condition) = (try Event(), try Condition())
    await assertTimesOut("an event") { try await event.wait(timeout: $0) }
    try await assertCancels("event") { try await event.wait() }
    try await condition.acquire()
    await assertTimesOut("a notification") { try await condition.wait(timeout: $0) }
    let isTrue = try await condition.wait(timeout: .milliseconds(5)) { false }
    XCTAssertFalse(isTrue)
    try await assertCancels("condition") { try await condition.wait() }
    try await assertCancels("predicate") { try await condition.wait { false } }
    // It is held whatever the waits threw.
    XCTAssertFalse(condition.tryAcquire())
    try condition.release()
    for timeout in [Duration.seconds(-1), .zero, .milliseconds(5)] {
      let barrier = try Barrier(parties: 2)
      let error = await thrownError { try await barrier.wait(timeout: timeout) }
      XCTAssertEqual((error as? TimeoutError)?.timeout, max(timeout, .zero))
      XCTAssertTrue(barrier.isBroken)
    }
  }

  // MARK: Conditions

  func testAPredicateThatAChildMakesTrue() async throws {
    let (condition, number) = (try Condition(), try SharedAtomic(0))
    let child = Process {
      for _ in 0..<10 {
        try condition.withLock {
          number.add(1)
          try condition.notifyAll()
        }
      }
    }
    let task = Task {
      try await condition.withLock {
        let isTrue = try await condition.wait { number.load() == 10 }
        return isTrue && !condition.tryAcquire()
      }
    }
    try await untilWaiting(1)
    try child.start()
    let isTrue = try await task.value
    XCTAssertTrue(isTrue)
    try await child.join()
    XCTAssertTrue(condition.tryAcquire())
    try condition.release()
  }

  /// A task notifies threads of a child, one by one.
  func testATaskNotifies() async throws {
    let (condition, ready, done) = (try Condition(), try SharedAtomic(0), Mailbox())
    let children = (0..<3).map { number in
      Process {
        try condition.withLock {
          ready.add(1)
          try condition.wait()
        }
        done.post("done")
      }
    }
    for child in children { try child.start() }
    while ready.load() < 3 { try await Task.sleep(for: .milliseconds(1)) }
    for _ in children {
      try await condition.withLock { try condition.notify() }
      _ = try done.next()
      XCTAssertEqual(try done.waiting(), [])
    }
    for child in children { try await child.value }
  }

  func testMisuse() async throws {
    let condition = try Condition()
    let unheld = await thrownError { try await condition.wait() }
    XCTAssertEqual(unheld as? SynchronizationError, .notOwner)
    let other = await thrownError { try await condition.wait { true } }
    XCTAssertEqual(other as? SynchronizationError, .notOwner)
    // A thread's own is not a task's.
    let (held, gate) = (Mailbox(), Gate())
    let thread = TestThread {
      held.post("\(condition.tryAcquire())")
      gate.pass()
      try? condition.release()
    }
    XCTAssertEqual(try held.next(), "true")
    let threads = await thrownError { try await condition.wait(timeout: .zero) }
    XCTAssertEqual(threads as? SynchronizationError, .notOwner)
    gate.open()
    thread.join()
    XCTAssertTrue(condition.tryAcquire())
    try condition.release()
  }

  /// The blocking one, in a synchronous function that a task calls with a lock of its own.
  func testABlockingWaitWithATasksLock() async throws {
    let condition = try Condition()
    let child = Process { try condition.withLock { try condition.notify() } }
    try await condition.acquire()
    try child.start()
    func block() throws { try condition.wait(timeout: longest) }
    try block()
    XCTAssertFalse(condition.tryAcquire())
    XCTAssertEqual(concurrently(1) { _ in (try? condition.release()) != nil }, [true])
    try await child.join()
  }

  /// Tasks that wait to be notified, and are counted before they let go of the lock.
  private func waiters(_ count: Int, _ condition: Condition) async throws -> [Task<Void, any Error>] {
    let ready = try SharedAtomic(0)
    let tasks = (0..<count).map { _ in
      Task {
        try await condition.withLock {
          ready.add(1)
          try await condition.wait()
        }
      }
    }
    while ready.load() < count { try await Task.sleep(for: .milliseconds(1)) }
    return tasks
  }

  /// A notification that comes with the cancellation is not lost: it counts, or reaches another one.
  func testCancellationLosesNoNotification() async throws {
    let condition = try Condition()
    for round in 0..<50 {
      let tasks = try await waiters(2, condition)
      try await condition.withLock { if round % 2 == 0 { try condition.notify() } }
      tasks[0].cancel()
      try await condition.withLock { if round % 2 == 1 { try condition.notify() } }
      var notified = 0
      switch await tasks[0].result {
      case .success: notified += 1
      case .failure(let error): XCTAssert(error is CancellationError, "\(error)")
      }
      if notified == 1 { tasks[1].cancel() }
      switch await tasks[1].result {
      case .success: notified += 1
      case .failure(let error): XCTAssert(error is CancellationError, "\(error)")
      }
      XCTAssertEqual(notified, 1, "round \(round)")
    }
    XCTAssertTrue(condition.tryAcquire())
    try condition.release()
  }

  /// More than a keeper has room for, so that the lock is one keeper's and the waiters are others'.
  func testManyWaiters() async throws {
    let (condition, count) = (try Condition(), 250)
    let tasks = try await waiters(count, condition)
    for task in tasks[..<50] { task.cancel() }
    for task in tasks[..<50] {
      let error = await thrownError { try await task.value }
      XCTAssert(error is CancellationError)
    }
    try await condition.withLock { try condition.notifyAll() }
    for task in tasks[50...] { try await task.value }
    XCTAssertTrue(condition.tryAcquire())
    try condition.release()
  }

  /// One that was notified and killed before it could go on passes it to a task.
  func testAKilledWaiterPassesItsNotificationOn() async throws {
    let (condition, ready) = (try Condition(), try SharedAtomic(0))
    let child = Process {
      try condition.withLock {
        ready.add(1)
        try condition.wait()
      }
    }
    try child.start()
    while ready.load() < 1 { try await Task.sleep(for: .milliseconds(1)) }
    let task = Task { try await condition.withLock { try await condition.wait() } }
    try await untilWaiting(1)
    try await condition.withLock {
      // The child has waited longer. It cannot go on as long as the lock is held here.
      try condition.notify()
      try child.kill()
      try await child.join()
    }
    try await task.value
  }

  // MARK: Barriers

  func testABarrierOfTasksAndChildren() async throws {
    let (runs, barrier) = (try SharedAtomic(0), try Barrier(parties: 6))
    let children = (0..<3).map { _ in
      Process { try (0..<20).map { _ in try barrier.wait() } }
    }
    for child in children { try child.start() }
    let numbers = try await withThrowingTaskGroup(of: [Int].self) { group in
      for _ in 0..<3 {
        group.addTask {
          var numbers: [Int] = []
          for _ in 0..<20 {
            numbers.append(try await barrier.wait())
            runs.add(1)
          }
          return numbers
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    var all = numbers
    for child in children { all.append(try await child.value) }
    for round in 0..<20 { XCTAssertEqual(all.map { $0[round] }.sorted(), Array(0..<6), "round \(round)") }
    XCTAssertEqual(runs.load(), 60)
    XCTAssertEqual(barrier.waiting, 0)
  }

  func testTheActionOfALastTask() async throws {
    let runs = try SharedAtomic(0)
    let barrier = try Barrier(parties: 2) {
      if runs.add(1) == 2 { throw SynchronizationError.tooManyReleases }
    }
    let first = Task { try await barrier.wait() }
    try await untilWaiting(1)
    let number = try await barrier.wait()
    XCTAssertEqual(number, 1)
    let other = try await first.value
    XCTAssertEqual(other, 0)
    let second = Task { try await barrier.wait() }
    try await untilWaiting(1)
    let error = await thrownError { try await barrier.wait() }
    XCTAssertEqual(error as? SynchronizationError, .tooManyReleases)
    let broken = await thrownError { try await second.value }
    XCTAssertEqual(broken as? SynchronizationError, .brokenBarrier)
  }

  /// A party that is cancelled, or killed, breaks the barrier for the others.
  func testCancellationAndDeathBreakIt() async throws {
    let barrier = try Barrier(parties: 3)
    let child = Process { try barrier.wait() }
    try child.start()
    while barrier.waiting < 1 { try await Task.sleep(for: .milliseconds(1)) }
    let task = Task { try await barrier.wait() }
    try await untilWaiting(1)
    task.cancel()
    let cancelled = await thrownError { try await task.value }
    XCTAssert(cancelled is CancellationError, "\(String(describing: cancelled))")
    XCTAssertTrue(barrier.isBroken)
    let broken = await thrownError { try await child.value }
    XCTAssertEqual(broken as? SynchronizationError, .brokenBarrier)
    barrier.reset()
    let other = Process { try barrier.wait() }
    try other.start()
    while barrier.waiting < 1 { try await Task.sleep(for: .milliseconds(1)) }
    let second = Task { try await barrier.wait() }
    try await untilWaiting(1)
    try other.kill()
    let death = await thrownError { try await second.value }
    XCTAssertEqual(death as? SynchronizationError, .brokenBarrier)
    try await other.join()
  }
}
