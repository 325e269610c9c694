import Glibc
import Multiprocessing
import MultiprocessingEngine
import TestSupport
import XCTest

import class Multiprocessing.Process
import class Multiprocessing.Semaphore

/// Tasks that acquire locks and permits.
final class TaskLockTests: KeptTestCase {
  /// A child that holds the lock until the gate opens.
  private func holder(_ lock: Lock, _ gate: Gate) throws -> Process<Void> {
    let taken = Mailbox()
    let child = Process {
      try lock.withLock {
        taken.post("taken")
        gate.pass()
      }
    }
    try child.start()
    _ = try taken.next()
    return child
  }

  func testALockThatAChildLetsGoOf() async throws {
    let (lock, gate) = (try Lock(), Gate())
    let child = try holder(lock, gate)
    let task = Task { try await lock.acquire() }
    try await untilWaiting(1)
    gate.open()
    try await task.value
    XCTAssertFalse(lock.tryAcquire())
    try lock.release()
    XCTAssertTrue(lock.tryAcquire())
    try lock.release()
    try await child.join()
  }

  func testALockWhoseHolderIsKilled() async throws {
    let lock = try Lock()
    let child = try holder(lock, Gate())
    let task = Task { try await lock.acquire() }
    try await untilWaiting(1)
    XCTAssertFalse(lock.previousOwnerDied)
    try child.kill()
    try await task.value
    XCTAssertTrue(lock.previousOwnerDied)
    lock.markConsistent()
    try lock.release()
    try await child.join()
  }

  /// Any thread of the process may release it, once; no other process may.
  func testItBelongsToTheProcess() async throws {
    let lock = try Lock()
    try await lock.acquire()
    let child = Process { () -> [SynchronizationError] in
      var errors: [SynchronizationError] = []
      do { try lock.release() } catch let error as SynchronizationError { errors.append(error) }
      if lock.tryAcquire() { try lock.release() } else { errors.append(.notOwner) }
      return errors
    }
    try child.start()
    let errors = try await child.value
    XCTAssertEqual(errors, [.notOwner, .notOwner])
    XCTAssertEqual(concurrently(1) { _ in (try? lock.release()) != nil }, [true])
    assertThrows(SynchronizationError.released) { try lock.release() }
    // A thread's own stays the thread's.
    XCTAssertTrue(lock.tryAcquire())
    XCTAssertEqual(concurrently(1) { _ in (try? lock.release()) != nil }, [false])
    try lock.release()
  }

  /// What a process holds for a task is handed on when it dies.
  func testAProcessThatIsKilledWithIt() async throws {
    let (lock, held) = (try Lock(), Mailbox())
    let child = Process {
      try await lock.withLock {
        held.post("held")
        try await Task.sleep(for: .seconds(3600))
      }
    }
    try child.start()
    _ = try held.next()
    let task = Task { try await lock.acquire() }
    try await untilWaiting(1)
    try child.kill()
    try await task.value
    XCTAssertTrue(lock.previousOwnerDied)
    try lock.release()
    try await child.join()
  }

  func testTimeoutsAndCancellation() async throws {
    let (lock, recursive, condition) = (try Lock(), try RecursiveLock(), try Condition())
    let (semaphore, bounded) = (try Semaphore(0), try BoundedSemaphore(1))
    try await lock.acquire()
    try await recursive.acquire()
    try await condition.acquire()
    try await bounded.acquire()
    await assertTimesOut("a lock") { try await lock.acquire(timeout: $0) }
    await assertTimesOut("a recursive lock") { try await recursive.acquire(timeout: $0) }
    await assertTimesOut("the lock of a condition") { try await condition.acquire(timeout: $0) }
    await assertTimesOut("a semaphore") { try await semaphore.acquire(timeout: $0) }
    await assertTimesOut("a semaphore") { try await bounded.acquire(timeout: $0) }
    try await assertCancels("lock") { try await lock.acquire() }
    try await assertCancels("recursive lock") { try await recursive.acquire() }
    try await assertCancels("condition") { try await condition.acquire() }
    try await assertCancels("semaphore") { try await semaphore.acquire() }
    try await assertCancels("bounded semaphore") { try await bounded.acquire() }
    try lock.release()
    try recursive.release()
    try condition.release()
    try bounded.release()
    assertThrows(SynchronizationError.tooManyReleases) { try bounded.release() }
    XCTAssertTrue(lock.tryAcquire())
    try lock.release()
  }

  /// A wake-up that reaches one who is being withdrawn is another's.
  func testOthersGetTheirsAfterACancelledWait() async throws {
    let (lock, semaphore) = (try Lock(), try Semaphore(0))
    for _ in 0..<20 {
      try await lock.acquire()
      let (locking, counting) = (Task { try await lock.acquire() }, Task { try await semaphore.acquire() })
      let child = Process { try lock.withLock { try semaphore.acquire() } }
      let others = [Task { try await lock.withLock {} }, Task { try await semaphore.acquire() }]
      try await untilWaiting(4)
      try child.start()
      locking.cancel()
      counting.cancel()
      try lock.release()
      if case .success = await locking.result { try lock.release() }
      var count = 2
      if case .success = await counting.result { count += 1 }
      try semaphore.release(count)
      for other in others { try await other.value }
      try await child.value
      XCTAssertEqual(semaphore.permits, 0)
    }
  }

  func testOneAtATime() async throws {
    let (lock, recursive, number) = (try Lock(), try RecursiveLock(), try SharedArray(count: 2, repeating: 0))
    let rounds = 30
    let children = (0..<2).map { _ in
      Process {
        for _ in 0..<rounds {
          try lock.withLock { number[0] += 1 }
          try recursive.withLock { try recursive.withLock { number[1] += 1 } }
        }
      }
    }
    for child in children { try child.start() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<6 {
        group.addTask {
          for _ in 0..<rounds {
            try await lock.withLock {
              let before = number[0]
              await Task.yield()
              number[0] = before + 1
            }
            try await recursive.withLock {
              let before = number[1]
              await Task.yield()
              number[1] = before + 1
            }
          }
        }
      }
      try await group.waitForAll()
    }
    for child in children { try await child.value }
    XCTAssertEqual(Array(number), [8 * rounds, 8 * rounds])
  }

  func testWithLockReleasesWhateverTheBodyDoes() async throws {
    let (lock, semaphore) = (try Lock(), try BoundedSemaphore(1))
    let error = await thrownError { try await lock.withLock { throw SynchronizationError.brokenBarrier } }
    XCTAssertEqual(error as? SynchronizationError, .brokenBarrier)
    let other = await thrownError { try await semaphore.withLock { throw SynchronizationError.brokenBarrier } }
    XCTAssertEqual(other as? SynchronizationError, .brokenBarrier)
    let number = try await lock.withLock {
      await Task.yield()
      return 3
    }
    XCTAssertEqual(number, 3)
    XCTAssertTrue(lock.tryAcquire())
    try lock.release()
    XCTAssertEqual(semaphore.permits, 1)
  }

  /// Threads that recurse, and a task that waits for the whole of it.
  func testATaskWaitsForARecursiveLock() async throws {
    let lock = try RecursiveLock()
    let (taken, gates) = (Mailbox(), (Gate(), Gate()))
    let child = Process {
      try lock.acquire()
      try lock.acquire()
      taken.post("taken")
      gates.0.pass()
      try lock.release()
      taken.post("once")
      gates.1.pass()
      try lock.release()
    }
    try child.start()
    _ = try taken.next()
    let task = Task { try await lock.acquire() }
    try await untilWaiting(1)
    gates.0.open()
    _ = try taken.next()
    XCTAssertEqual(Keeper.waitCount, 1)
    gates.1.open()
    try await task.value
    XCTAssertFalse(lock.tryAcquire())
    try lock.release()
    assertThrows(SynchronizationError.released) { try lock.release() }
    try await child.join()
  }

  func testPermitsThatComeLater() async throws {
    let semaphore = try Semaphore(0)
    let gate = Gate()
    let child = Process {
      gate.pass()
      try semaphore.release(10)
    }
    try child.start()
    let tasks = (0..<10).map { _ in Task { try await semaphore.acquire() } }
    try await untilWaiting(10)
    gate.open()
    for task in tasks { try await task.value }
    XCTAssertEqual(semaphore.permits, 0)
    try await child.join()
  }

  /// A child that waits ahead of the tasks is killed there.
  func testAKilledChildMakesWay() async throws {
    let semaphore = try Semaphore(0)
    let child = Process { try semaphore.acquire() }
    try child.start()
    let task = Task { try await semaphore.acquire() }
    try await untilWaiting(1)
    try child.kill()
    try await child.join()
    try semaphore.release()
    try await task.value
    XCTAssertEqual(semaphore.permits, 0)
  }

  /// A lock that a task of the parent holds, and waits that go on, while it forks: the child's tasks can wait as well.
  func testForkingWhileTasksWait() async throws {
    let (lock, queue, answers) = (try Lock(), try Queue<Int>(), try Queue<Int>())
    try await lock.acquire()
    let waiting = (0..<20).map { _ in Task { try await queue.get() } }
    try await untilWaiting(20)
    let children = (0..<10).map { number in
      Process {
        try await answers.put(number)
        try await lock.withLock { try await queue.put(number) }
      }
    }
    for child in children { try child.start() }
    var numbers: [Int] = []
    for _ in children { numbers.append(try await answers.get()) }
    XCTAssertEqual(numbers.sorted(), Array(0..<10))
    try lock.release()
    for child in children { try await child.value }
    for number in 10..<20 { try await queue.put(number) }
    var elements: [Int] = []
    for task in waiting { elements.append(try await task.value) }
    XCTAssertEqual(elements.sorted(), Array(0..<20))
  }
}
