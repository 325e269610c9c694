import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What Python's `_TestCondition` holds, and misuse, and deaths.
final class ConditionTests: AuditedTestCase {
  /// Processes that wait one after the other, each known to be asleep before the next one begins.
  private func waiters(
    _ count: Int, _ condition: Condition, timeout: Duration? = nil, _ woken: Mailbox
  ) throws -> [Multiprocessing.Process<Void>] {
    try (0..<count).map { number in
      let isIn = Mailbox()
      let process = Process {
        try condition.acquire()
        isIn.post("")
        try condition.wait(timeout: timeout)
        woken.post("\(number)")
        try condition.release()
      }
      try process.start()
      _ = try isIn.next()
      // Once the lock can be had, the other has let go of it, and is waiting.
      try condition.withLock {}
      return process
    }
  }

  func testMisuse() throws {
    let condition = try Condition()
    let bodies: [() throws -> Void] = [
      { try condition.wait() }, { try condition.wait(timeout: .zero) }, { try condition.wait { true } },
      { try condition.notify() }, { try condition.notifyAll() },
    ]
    for body in bodies { assertThrows(SynchronizationError.notOwner, body) }
    assertThrows(SynchronizationError.released) { try condition.release() }
    try condition.acquire()
    XCTAssertEqual(
      try Process.run { bodiesOfAnother(condition).map { thrown(SynchronizationError.self, by: $0) == .notOwner } },
      [true, true, true])
    assertThrows(SynchronizationError.wouldDeadlock) { try condition.acquire() }
    XCTAssertFalse(condition.tryAcquire())
    guard case .invalidArgument = thrown(SynchronizationError.self, by: { try condition.notify(-1) }) else {
      return XCTFail("another error")
    }
    try condition.notify(0)
    try condition.notify()
    try condition.release()
  }

  func testATimeoutTakesTheLockAgain() throws {
    let condition = try Condition()
    try condition.acquire()
    for timeout in [Duration.milliseconds(20), .zero, .seconds(-5)] {
      let error = thrown(TimeoutError.self) { try condition.wait(timeout: timeout) }
      XCTAssertEqual(error?.timeout, max(timeout, .zero))
    }
    XCTAssertFalse(try condition.wait(timeout: .milliseconds(20)) { false })
    XCTAssertTrue(try condition.wait(timeout: .zero) { true })
    assertThrows(TestRefusal()) { try condition.wait { throw TestRefusal() } }
    try condition.release()
  }

  private struct TestRefusal: Error, Equatable {}

  func testNotifyWakesThoseThatHaveWaitedLongest() throws {
    let condition = try Condition()
    let woken = Mailbox()
    let processes = try waiters(6, condition, woken)
    try condition.withLock { try condition.notify() }
    XCTAssertEqual(try woken.next(), "0")
    try condition.withLock { try condition.notify(3) }
    XCTAssertEqual(Set(try (0..<3).map { _ in try woken.next() }), ["1", "2", "3"])
    usleep(50_000)
    XCTAssertEqual(try woken.waiting(), [])
    try condition.withLock { try condition.notifyAll() }
    for process in processes { try process.result(timeout: .seconds(30)) }
    XCTAssertEqual(Set(try woken.waiting()), ["4", "5"])
    // Nothing is kept for who comes later.
    try condition.withLock {
      XCTAssertNotNil(thrown(TimeoutError.self) { try condition.wait(timeout: .milliseconds(20)) })
    }
  }

  func testProcessesAndThreadsWaitAlike() throws {
    let condition = try Condition()
    let woken = Mailbox()
    let processes = try waiters(2, condition, woken)
    let isIn = Mailbox()
    let errors = concurrently(4) { number -> String? in
      do {
        if number == 3 { for _ in 0..<3 { _ = try isIn.next() } }
        try condition.withLock {
          if number == 3 { return try condition.notifyAll() }
          isIn.post("")
          try condition.wait()
        }
        return nil
      } catch {
        return "\(error)"
      }
    }
    XCTAssertEqual(errors, [nil, nil, nil, nil])
    for process in processes { try process.result(timeout: .seconds(30)) }
  }

  func testWaitingForAPredicate() throws {
    let condition = try Condition()
    let semaphore = try Semaphore(0)
    let process = Process { () throws -> Bool in
      try condition.withLock { try condition.wait(timeout: .seconds(30)) { semaphore.permits >= 4 } }
    }
    try process.start()
    for _ in 0..<4 {
      usleep(5000)
      try condition.withLock {
        try semaphore.release()
        try condition.notify()
      }
    }
    XCTAssertTrue(try process.result())
  }

  func testWhoRunsOutOfTimeIsNotCounted() throws {
    let condition = try Condition()
    let woken = Mailbox()
    let early = try waiters(2, condition, timeout: .milliseconds(30), woken)
    for process in early { XCTAssertNotNil(thrown(TimeoutError.self) { try process.result() }) }
    let late = try waiters(1, condition, woken)
    try condition.withLock { try condition.notify() }
    try late[0].result(timeout: .seconds(30))
  }

  func testAKilledWaiterTakesNoNotification() throws {
    let condition = try Condition()
    let woken = Mailbox()
    let processes = try waiters(4, condition, woken)
    for index in [0, 2] {
      try processes[index].kill()
      try processes[index].join()
    }
    try condition.withLock { try condition.notify(2) }
    for index in [1, 3] { try processes[index].result(timeout: .seconds(30)) }
    XCTAssertFalse(condition.previousOwnerDied)
  }

  func testANotificationThatReachedTheDeadIsPassedOn() throws {
    let condition = try Condition()
    let woken = Mailbox()
    let processes = try waiters(2, condition, woken)
    try condition.acquire()
    try condition.notify()
    // It cannot go on before the lock is released.
    try processes[0].kill()
    try processes[0].join()
    try condition.release()
    try processes[1].result(timeout: .seconds(30))
    XCTAssertEqual(try woken.waiting(), ["1"])
  }

  func testAWaiterMeetsADeadHolder() throws {
    let condition = try Condition()
    let woken = Mailbox()
    let processes = try waiters(1, condition, woken)
    try Process.run {
      try condition.acquire()
      try condition.notify()
    }
    try processes[0].result(timeout: .seconds(30))
    XCTAssertTrue(condition.previousOwnerDied)
  }

  func testMoreWaitersThanThereIsRoomFor() throws {
    let condition = try Condition()
    let refused = Mailbox()
    let counts = try Process.run { () -> Int in
      concurrently(1001) { _ in
        do {
          try condition.withLock { try condition.wait() }
          return 0
        } catch SynchronizationError.tooManyWaiters(1000) {
          refused.post("")
          // All the others wait by now, or have been let go.
          try? condition.withLock { try condition.notifyAll() }
          return 1
        } catch {
          return 100
        }
      }.reduce(0, +)
    }
    XCTAssertEqual(counts, 1)
    XCTAssertEqual(try refused.waiting().count, 1)
  }
}

/// What the lock's holder alone may do.
private func bodiesOfAnother(_ condition: Condition) -> [() throws -> Void] {
  [{ try condition.wait() }, { try condition.notifyAll() }, { try condition.release() }]
}
