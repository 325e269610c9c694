import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Signals that interrupt every system call there is, on end: no wait may end by them, early, late or with an error.
final class LockSignalTests: AuditedTestCase {
  /// Runs `body` in a process that is interrupted every other millisecond; how many signals it has met.
  private func inTheStorm(_ body: @escaping @Sendable () throws -> Void) throws {
    let process = Process { () throws -> Int in
      try SignalStorm.rage(every: 2000, body)
      return SignalStorm.strikes
    }
    try process.start()
    XCTAssertGreaterThan(try process.result(timeout: .seconds(60)), 10)
  }

  private static func check(_ condition: Bool, _ line: UInt = #line) throws {
    if !condition { throw Unexpected(line: line) }
  }

  private struct Unexpected: Error, Codable {
    var line: UInt
  }

  private static func isOutOfTime(_ body: () throws -> Void) -> Bool {
    do { try body() } catch let error as TimeoutError { return error.timeout == short } catch { return false }
    return false
  }

  private static let short = Duration.milliseconds(60)

  func testWaitsWithATimeout() throws {
    let (lock, recursive, condition) = (try Lock(), try RecursiveLock(), try Condition())
    let (semaphore, event, barrier) = (try Semaphore(0), try Event(), try Barrier(parties: 2))
    try lock.acquire()
    try recursive.acquire()
    try inTheStorm {
      let clock = ContinuousClock()
      let bodies: [() throws -> Void] = [
        { try lock.acquire(timeout: Self.short) }, { try recursive.acquire(timeout: Self.short) },
        { try semaphore.acquire(timeout: Self.short) }, { try event.wait(timeout: Self.short) },
        { try barrier.wait(timeout: Self.short) },
        { try condition.withLock { try condition.wait(timeout: Self.short) } },
        { try condition.withLock { try condition.acquire(timeout: Self.short) } },
      ]
      for body in bodies {
        let start = clock.now
        try Self.check(Self.isOutOfTime(body))
        try Self.check(start.duration(to: clock.now) >= Self.short)
      }
      try Self.check(try condition.withLock { try !condition.wait(timeout: Self.short) { false } })
    }
    try lock.release()
    try recursive.release()
  }

  func testWaitsWithoutATimeout() throws {
    let (semaphore, event) = (try Semaphore(0), try Event())
    let (condition, barrier) = (try Condition(), try Barrier(parties: 2))
    let steps = Mailbox()
    let helper = Process {
      // What the other waits for happens only once it has met the storm for a while.
      func step() throws {
        _ = try steps.next()
        usleep(60_000)
      }
      for happen in [
        { try semaphore.release() }, { event.set() }, { try barrier.wait() },
        { try condition.withLock { try condition.notify() } },
      ] as [() throws -> Void] {
        try step()
        try happen()
      }
    }
    try helper.start()
    try inTheStorm {
      steps.post("")
      try semaphore.acquire()
      steps.post("")
      try event.wait()
      steps.post("")
      try barrier.wait()
      try condition.withLock {
        steps.post("")
        try condition.wait()
      }
    }
    try helper.result()
  }

  func testLocksThatAreReleasedLate() throws {
    let (lock, recursive) = (try Lock(), try RecursiveLock())
    let steps = Mailbox()
    let holder = Process {
      try lock.acquire()
      try recursive.acquire()
      steps.post("held")
      usleep(150_000)
      try lock.release()
      usleep(60_000)
      try recursive.release()
    }
    try holder.start()
    _ = try steps.next()
    try inTheStorm {
      try lock.acquire()
      try recursive.acquire()
    }
    try holder.result()
    try lock.acquire()
    XCTAssertTrue(lock.previousOwnerDied, "the process ended with it")
    try lock.release()
  }
}
