import Foundation
import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// `Lock` and `RecursiveLock`; what Python's `_TestLock` holds of its own, and what only a lock with an owner can.
final class LockTests: AuditedTestCase {
  /// What a child does with a lock that it cannot have.
  private static func otherSide(_ lock: Lock) throws -> [Bool] {
    let isOutOfTime = thrown(TimeoutError.self) { try lock.acquire(timeout: .milliseconds(20)) } != nil
    return [
      lock.tryAcquire(), isOutOfTime, thrown(SynchronizationError.self, by: lock.release) == .notOwner,
    ]
  }

  func testALock() throws {
    let lock = try Lock()
    try lock.acquire()
    XCTAssertFalse(lock.tryAcquire())
    XCTAssertEqual(try Process.run { try Self.otherSide(lock) }, [false, true, true])
    XCTAssertEqual(concurrently(1) { _ in try? Self.otherSide(lock) }, [[false, true, true]])
    try lock.release()
    assertThrows(SynchronizationError.released) { try lock.release() }
    XCTAssertTrue(lock.tryAcquire())
    try lock.release()
    try lock.acquire(timeout: .seconds(-1))
    try lock.release()
    XCTAssertEqual(try lock.withLock { 5 }, 5)
    assertThrows(Refusal()) { try lock.withLock { throw Refusal() } }
    XCTAssertTrue(lock.tryAcquire(), "released after an error")
    try lock.release()
    assertThrows(SynchronizationError.released) { try lock.withLock { try lock.release() } }
    XCTAssertFalse(lock.previousOwnerDied)
  }

  private struct Refusal: Error, Equatable {}

  func testAThreadThatWaitsForItself() throws {
    let lock = try Lock()
    try lock.acquire()
    assertThrows(SynchronizationError.wouldDeadlock) { try lock.acquire() }
    assertThrows(SynchronizationError.wouldDeadlock) { try lock.withLock {} }
    for timeout in [Duration.milliseconds(20), .zero, .seconds(-5)] {
      let error = thrown(TimeoutError.self) { try lock.acquire(timeout: timeout) }
      XCTAssertEqual(error?.timeout, max(timeout, .zero))
      XCTAssertEqual(error?.operation, "a lock")
    }
    try lock.release()
    try lock.acquire()
    try lock.release()
  }

  func testARecursiveLock() throws {
    let lock = try RecursiveLock()
    for _ in 0..<3 { try lock.acquire() }
    XCTAssertTrue(lock.tryAcquire())
    try lock.acquire(timeout: .milliseconds(1))
    try lock.withLock { try lock.withLock {} }
    let other: @Sendable () -> [Bool] = {
      let isOutOfTime = thrown(TimeoutError.self) { try lock.acquire(timeout: .milliseconds(10)) } != nil
      return [lock.tryAcquire(), isOutOfTime, thrown(SynchronizationError.self, by: lock.release) == .notOwner]
    }
    for _ in 0..<4 {
      XCTAssertEqual(try Process.run { other() }, [false, true, true])
      try lock.release()
    }
    XCTAssertEqual(concurrently(1) { _ in other() }, [[false, true, true]])
    try lock.release()
    assertThrows(SynchronizationError.released) { try lock.release() }
    try Process.run { try lock.withLock {} }
  }

  func testProcessesAndThreadsCountUnderIt() throws {
    let lock = try Lock()
    let recursive = try RecursiveLock()
    let file = TemporaryFile()
    // Without the lock, increments of this kind get lost.
    @Sendable func add(_ count: Int) throws {
      for _ in 0..<count {
        try lock.withLock {
          try recursive.withLock {
            try recursive.withLock {
              var number = 0
              pread(file.descriptor, &number, 8, 0)
              number += 1
              ftruncate(file.descriptor, 0)
              write(file.descriptor, &number, 8)
            }
          }
        }
      }
    }
    let processes = (0..<3).map { _ in Process { try add(1000) } }
    for process in processes { try process.start() }
    XCTAssertEqual(concurrently(2) { _ in (try? add(1000)) != nil }, [true, true])
    for process in processes { try process.result() }
    var number = 0
    pread(file.descriptor, &number, 8, 0)
    XCTAssertEqual(number, 5000)
  }

  func testAReleaseWakesWhoWaits() throws {
    let lock = try Lock()
    try lock.acquire()
    let (arrived, done) = (Mailbox(), Mailbox())
    let processes = (0..<3).map { number in
      Process {
        arrived.post("")
        try lock.withLock { done.post("\(number)") }
      }
    }
    for process in processes { try process.start() }
    for _ in processes { _ = try arrived.next() }
    XCTAssertEqual(try done.waiting(), [])
    try lock.release()
    for process in processes { try process.result() }
    XCTAssertEqual(Set(try done.waiting()), ["0", "1", "2"])
  }

  func testAChildDoesNotInheritWhatItsParentHolds() throws {
    let lock = try Lock()
    try lock.acquire()
    let process = Process(target: { (lock: Lock) in _ = lock }, args: (lock))
    try process.start()
    try process.result()
    XCTAssertFalse(lock.tryAcquire())
    try lock.release()
    XCTAssertFalse(lock.previousOwnerDied)
  }

  // MARK: Deaths

  func testTheHoldersDeathIsToldUntilMarkedConsistent() throws {
    let (lock, recursive, condition) = (try Lock(), try RecursiveLock(), try Condition())
    try Process.run {
      try lock.acquire()
      for _ in 0..<3 { try recursive.acquire() }
      try condition.acquire()
    }
    XCTAssertFalse(lock.previousOwnerDied, "nobody has met the dead yet")
    try lock.acquire()
    try recursive.acquire()
    try condition.acquire()
    XCTAssert(lock.previousOwnerDied && recursive.previousOwnerDied && condition.previousOwnerDied)
    try lock.release()
    try recursive.release()
    try condition.release()
    assertThrows(SynchronizationError.released) { try recursive.release() }
    // For everybody, and across acquisitions.
    let told = try Process.run {
      [lock.previousOwnerDied, try lock.withLock { lock.previousOwnerDied }, condition.previousOwnerDied]
    }
    XCTAssertEqual(told, [true, true, true])
    try lock.withLock { lock.markConsistent() }
    recursive.markConsistent()
    condition.markConsistent()
    XCTAssertFalse(try Process.run { lock.previousOwnerDied })
    XCTAssert(!recursive.previousOwnerDied && !condition.previousOwnerDied)
  }

  func testAThreadThatEndsWithALockHasDiedToo() throws {
    let lock = try Lock()
    _ = concurrently(1) { _ in try? lock.acquire() }
    XCTAssertTrue(lock.tryAcquire())
    XCTAssertTrue(lock.previousOwnerDied)
    try lock.release()
  }

  func testTheHolderIsKilledWhileOthersWait() throws {
    let lock = try Lock()
    let mailbox = Mailbox()
    let holder = Process {
      try lock.acquire()
      mailbox.post("held")
      while true { sleep(10) }
    }
    try holder.start()
    XCTAssertEqual(try mailbox.next(), "held")
    let waiters = (0..<3).map { _ in
      Process {
        mailbox.post("waiting")
        try lock.acquire()
        let died = lock.previousOwnerDied
        lock.markConsistent()
        try lock.release()
        return died
      }
    }
    for waiter in waiters { try waiter.start() }
    for _ in waiters { XCTAssertEqual(try mailbox.next(), "waiting") }
    try holder.kill()
    XCTAssertEqual(try waiters.map { try $0.result(timeout: .seconds(30)) }.count { $0 }, 1)
    try holder.join()
  }

  func testAHeldLockOutlivesItsLastHandle() throws {
    // In a process of its own, which keeps the memory to its end.
    let isTold = try Process.run { () throws -> Bool in
      var lock: Lock? = try Lock()
      let mailbox = Mailbox()
      let other = Process(
        target: { (lock: Lock) -> Bool in
          _ = try mailbox.next()
          try lock.acquire(timeout: .seconds(30))
          return lock.previousOwnerDied
        }, args: (try XCTUnwrap(lock)))
      try other.start()
      let handle = Handle(try XCTUnwrap(lock))
      lock = nil
      _ = concurrently(1) { _ in handle.acquireAndDrop() }
      mailbox.post("")
      return try other.result()
    }
    XCTAssertTrue(isTold)
  }

  /// The one reference to a lock that a thread is to let go.
  private final class Handle: @unchecked Sendable {
    // Sendable: touched by one thread at a time.
    private var lock: Lock?
    init(_ lock: Lock) { self.lock = lock }
    func acquireAndDrop() {
      try? lock?.acquire()
      lock = nil
    }
  }
}
