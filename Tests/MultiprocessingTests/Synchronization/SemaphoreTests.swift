import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What Python's `_TestSemaphore` holds, and misuse, and deaths.
final class SemaphoreTests: AuditedTestCase {
  func testASemaphore() throws {
    let semaphore = try Semaphore(2)
    XCTAssertEqual(semaphore.permits, 2)
    try semaphore.acquire()
    try semaphore.acquire(timeout: .zero)
    XCTAssertEqual(semaphore.permits, 0)
    XCTAssertFalse(semaphore.tryAcquire())
    for timeout in [Duration.milliseconds(20), .zero, .seconds(-5)] {
      let error = thrown(TimeoutError.self) { try semaphore.acquire(timeout: timeout) }
      XCTAssertEqual(error?.timeout, max(timeout, .zero))
    }
    try semaphore.release()
    try Process.run { try semaphore.release() }
    XCTAssertEqual(semaphore.permits, 2)
    // Beyond what it was made with: it is not bounded.
    try semaphore.release(3)
    XCTAssertEqual(semaphore.permits, 5)
    XCTAssertEqual(try semaphore.withLock { semaphore.permits }, 4)
    XCTAssertEqual(semaphore.permits, 5)
  }

  func testABoundedSemaphore() throws {
    let semaphore = try BoundedSemaphore(2)
    assertThrows(SynchronizationError.tooManyReleases) { try semaphore.release() }
    try semaphore.acquire()
    XCTAssertTrue(semaphore.tryAcquire())
    XCTAssertFalse(semaphore.tryAcquire())
    assertThrows(SynchronizationError.tooManyReleases) { try semaphore.release(3) }
    XCTAssertEqual(semaphore.permits, 0)
    try semaphore.release(2)
    assertThrows(SynchronizationError.tooManyReleases) { try Process.run { try semaphore.release() } }
    XCTAssertEqual(semaphore.permits, 2)
  }

  func testNumbersThatMakeNoSense() throws {
    let bodies: [() throws -> Void] = [
      { _ = try Semaphore(-1) }, { _ = try BoundedSemaphore(-1) }, { _ = try BoundedSemaphore(0) },
      { try Semaphore(1).release(0) }, { try BoundedSemaphore(1).release(-1) },
    ]
    for body in bodies {
      guard case .invalidArgument = thrown(SynchronizationError.self, by: body) else { return XCTFail("another error") }
    }
    let full = try Semaphore(.max)
    assertThrows(SynchronizationError.tooManyReleases) { try full.release() }
    let empty = try Semaphore(0)
    XCTAssertFalse(empty.tryAcquire())
    try empty.release()
    try empty.acquire()
  }

  func testAReleaseLetsAsManyGoOn() throws {
    let semaphore = try Semaphore(0)
    let mailbox = Mailbox()
    let processes = (0..<4).map { _ in
      Process {
        try semaphore.acquire()
        mailbox.post("on")
      }
    }
    for process in processes { try process.start() }
    try semaphore.release(2)
    for _ in 0..<2 { _ = try mailbox.next() }
    try semaphore.release()
    try semaphore.release()
    for process in processes { try process.result(timeout: .seconds(30)) }
    XCTAssertEqual(try mailbox.waiting().count, 2)
    XCTAssertEqual(semaphore.permits, 0)
  }

  func testPermitsBoundHowManyAreInside() throws {
    let semaphore = try BoundedSemaphore(2)
    let log = TemporaryFile()
    let processes = (0..<4).map { _ in
      Process {
        for _ in 0..<200 {
          try semaphore.withLock {
            write(log.descriptor, "+\n", 2)
            sched_yield()
            write(log.descriptor, "-\n", 2)
          }
        }
      }
    }
    for process in processes { try process.start() }
    for process in processes { try process.result() }
    var (inside, most) = (0, 0)
    for line in log.lines {
      inside += line == "+" ? 1 : -1
      most = max(most, inside)
    }
    XCTAssertEqual(log.lines.count, 1600)
    XCTAssertEqual(inside, 0)
    XCTAssertLessThanOrEqual(most, 2)
    XCTAssertEqual(semaphore.permits, 2)
  }

  func testAsManyAreInsideAsThereArePermits() throws {
    let semaphore = try BoundedSemaphore(2)
    let (mailbox, gate) = (Mailbox(), Gate())
    let processes = (0..<2).map { _ in
      Process {
        try semaphore.withLock {
          mailbox.post("inside")
          gate.pass()
        }
      }
    }
    for process in processes { try process.start() }
    for _ in 0..<2 { XCTAssertEqual(try mailbox.next(), "inside") }
    XCTAssertEqual(semaphore.permits, 0)
    gate.open(2)
    for process in processes { try process.result() }
    XCTAssertEqual(semaphore.permits, 2)
  }

  func testAKilledWaiterCostsNobodyItsTurn() throws {
    let semaphore = try Semaphore(0)
    let mailbox = Mailbox()
    let processes = (0..<3).map { _ in
      Process {
        mailbox.post("waiting")
        try semaphore.acquire()
      }
    }
    for process in processes {
      try process.start()
      XCTAssertEqual(try mailbox.next(), "waiting")
    }
    let pids = processes.compactMap(\.pid)
    XCTAssert(eventually { pids.allSatisfy { processState($0) == "S" } })
    // Whichever of them sleeps for the others, it is among these.
    for process in processes.dropLast() {
      try process.kill()
      try process.join()
    }
    try semaphore.release()
    try processes[2].result(timeout: .seconds(30))
    XCTAssertEqual(semaphore.permits, 0)
  }

  /// One that is stopped at the head of those who wait must not keep them from permits that are there.
  func testAStoppedWaiterKeepsNobodyWaiting() throws {
    let semaphore = try Semaphore(0)
    let stopped = Process { try semaphore.acquire() }
    try stopped.start()
    XCTAssertTrue(eventually { processState(stopped.pid!) == "S" })
    try stopped.send(.stop)
    XCTAssertTrue(eventually { processState(stopped.pid!) == "T" })
    let waiter = Process { try semaphore.acquire() }
    try waiter.start()
    XCTAssertTrue(eventually { processState(waiter.pid!) == "S" })
    try semaphore.release(5)
    try waiter.result()
    try stopped.send(.continue)
    try stopped.result()
    XCTAssertEqual(semaphore.permits, 3)
  }

  func testAnyDurationIsATimeout() throws {
    let semaphore = try Semaphore(1)
    try semaphore.acquire(timeout: .seconds(Int64.max) + .seconds(Int64.max))
    for timeout in [Duration.zero, .seconds(-1), .seconds(Int64.min)] {
      XCTAssertNotNil(thrown(TimeoutError.self) { try semaphore.acquire(timeout: timeout) })
    }
  }
}
