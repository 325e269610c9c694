import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

#if DEBUG
  /// Lets a process die ahead of every single write and call of an operation, one after the other, and looks whether the others can
  /// go on, with everything as before the operation or after it.
  final class KilledInsideTests: SyncTestCase {
    override var patience: Double { 600 }

    private var soon: Deadline { Deadline(after: .seconds(60)) }

    /// - Parameters:
    ///   - make: a fresh primitive, and what belongs to it.
    ///   - operation: what a child does; it dies a step later each time, until it survives.
    ///   - check: what has to hold after its end.
    private func walk<Ground>(
      size: Int, make: (SharedSegment) throws -> Ground, operation: @escaping (Ground) throws -> Void,
      check: (Ground, String) throws -> Void, line: UInt = #line
    ) throws {
      for nth in 0..<1000 {
        let segment = try memory(size)
        let ground = try make(segment)
        let child = try start {
          mp_kill_arm(Int32(nth))
          try operation(ground)
        }
        try end(child)
        let isOver = try child.statusIfEnded()?.termination == .exited(0)
        if !isOver {
          XCTAssertEqual(try child.statusIfEnded()?.termination, .signaled(SIGKILL), "at step \(nth)", line: line)
        }
        try check(ground, "killed at step \(nth)")
        withExtendedLifetime(segment) {}
        if isOver { return XCTAssertGreaterThan(nth, 1, "nothing was stepped through", line: line) }
      }
      XCTFail("never survives", line: line)
    }

    func testAcquiringAndReleasing() throws {
      try walk(
        size: OwnedLock.size, make: { try OwnedLock.make(at: $0.contents) },
        operation: { lock in
          for _ in 0..<2 {
            _ = lock.take()
            _ = lock.release()
            _ = try lock.tryAcquire()
            _ = lock.release()
          }
        },
        check: { lock, message in
          XCTAssertEqual(try lock.acquire(until: soon), .acquired, message)
          XCTAssertEqual(lock.release(), .released)
          XCTAssertEqual(lock.release(), .notHeld)
          try finish(start { _ = lock.take() }, message)
          XCTAssertEqual(try lock.acquire(until: soon), .acquired)
          XCTAssertTrue(lock.previousOwnerDied)
          XCTAssertEqual(lock.release(), .released)
        })
    }

    func testAcquiringSeveralTimes() throws {
      try walk(
        size: OwnedLock.size, make: { try OwnedLock.make(at: $0.contents) },
        operation: { lock in
          for _ in 0..<3 { _ = try lock.acquireAgain(until: .never) }
          for _ in 0..<3 { _ = lock.releaseOnce() }
        },
        check: { lock, message in
          for _ in 0..<2 { XCTAssertEqual(try lock.acquireAgain(until: soon), .acquired, message) }
          for _ in 0..<2 { XCTAssertEqual(lock.releaseOnce(), .released, message) }
          XCTAssertEqual(lock.releaseOnce(), .notHeld, message)
        })
    }

    func testDyingOfADeadHoldersLock() throws {
      try walk(
        size: OwnedLock.size,
        make: { segment in
          let lock = try OwnedLock.make(at: segment.contents)
          try finish(start { for _ in 0..<2 { _ = try lock.acquireAgain(until: .never) } }, "the first to die")
          return lock
        },
        operation: { lock in
          _ = try lock.acquireAgain(until: .never)
          _ = lock.releaseOnce()
        },
        check: { lock, message in
          XCTAssertEqual(try lock.acquireAgain(until: soon), .acquired, message)
          XCTAssertTrue(lock.previousOwnerDied, message)
          XCTAssertEqual(lock.releaseOnce(), .released, message)
          XCTAssertEqual(lock.releaseOnce(), .notHeld, message)
        })
    }

    // MARK: Permits

    private func counter(_ segment: SharedSegment, _ free: Int) throws -> PermitCounter {
      try PermitCounter.make(at: segment.contents, free: free, limit: .max)
    }

    func testTakingAPermit() throws {
      try walk(
        size: PermitCounter.size, make: { try counter($0, 1) },
        operation: { _ = try $0.take(until: .never) },
        check: { counter, message in
          XCTAssert([0, 1].contains(counter.available), message)
          XCTAssertTrue(try counter.give(1))
          try finish(start { if try !counter.take(until: self.soon) { _exit(1) } }, message)
        })
    }

    func testWaitingForAPermit() throws {
      try walk(
        size: PermitCounter.size, make: { try counter($0, 0) },
        operation: { _ = try $0.take(until: Deadline(after: .milliseconds(10))) },
        check: { counter, message in
          let others = try (0..<2).map { _ in try start { if try !counter.take(until: self.soon) { _exit(1) } } }
          XCTAssertTrue(eventually { others.allSatisfy(isAsleep) })
          for _ in others { XCTAssertTrue(try counter.give(1)) }
          for other in others { try finish(other, message) }
          XCTAssertEqual(counter.available, 0, message)
        })
    }

    func testGivingAPermit() throws {
      var waiter: ChildProcess?
      try walk(
        size: PermitCounter.size,
        make: { segment in
          let counter = try counter(segment, 0)
          let other = try start { if try !counter.take(until: self.soon) { _exit(1) } }
          XCTAssertTrue(eventually { isAsleep(other) })
          waiter = other
          return counter
        },
        operation: { _ = try $0.give(2) },
        check: { counter, message in
          let waiter = try XCTUnwrap(waiter)
          let isGiven = try waiter.wait(until: Deadline(after: .milliseconds(30))) || counter.available > 0
          if !isGiven { XCTAssertTrue(try counter.give(2)) }
          try finish(waiter, message)
          XCTAssertEqual(counter.available, 1, message)
        })
    }

    // MARK: Flags

    func testRaisingAFlag() throws {
      var waiter: ChildProcess?
      try walk(
        size: SharedFlag.size,
        make: { segment in
          let flag = try SharedFlag.make(at: segment.contents)
          let other = try start { if try !flag.wait(until: self.soon) { _exit(1) } }
          XCTAssertTrue(eventually { isAsleep(other) })
          waiter = other
          return flag
        },
        operation: { flag in
          flag.raise()
          flag.lower()
          flag.raise()
        },
        check: { flag, message in
          let waiter = try XCTUnwrap(waiter)
          if !flag.isRaised {
            // Else it has to go on by itself.
            flag.raise()
          }
          try finish(waiter, message)
          flag.lower()
          XCTAssertFalse(flag.isRaised)
        })
    }

    func testWaitingForAFlag() throws {
      try walk(
        size: SharedFlag.size, make: { try SharedFlag.make(at: $0.contents) },
        operation: { _ = try $0.wait(until: Deadline(after: .milliseconds(10))) },
        check: { flag, message in
          let other = try start { if try !flag.wait(until: self.soon) { _exit(1) } }
          flag.raise()
          try finish(other, message)
        })
    }

    // MARK: Conditions

    /// A child that waits for a notification, and is known to wait.
    private func waiter(_ queue: ConditionQueue, steps: Int32 = -1) throws -> ChildProcess {
      let isIn = Flag()
      let child = try start {
        _ = queue.lock.take()
        isIn.raise()
        if steps >= 0 { mp_kill_arm(steps) }
        if try queue.wait(until: self.soon) != .notified { _exit(1) }
        _ = queue.lock.release()
      }
      XCTAssertTrue(eventually { isIn.isRaised || !isRunning(child.pid) })
      // Whoever holds the lock has let go of it by waiting, or is dead.
      XCTAssertEqual(try queue.lock.acquire(until: soon), .acquired)
      XCTAssertEqual(queue.lock.release(), .released)
      return child
    }

    private func notify(_ queue: ConditionQueue, _ count: Int) throws {
      XCTAssertEqual(try queue.lock.acquire(until: soon), .acquired)
      queue.notify(count)
      XCTAssertEqual(queue.lock.release(), .released)
    }

    func testNotifying() throws {
      var waiters: [ChildProcess] = []
      try walk(
        size: ConditionQueue.size,
        make: { segment in
          let queue = try ConditionQueue.make(at: segment.contents)
          waiters = try (0..<3).map { _ in try waiter(queue) }
          return queue
        },
        operation: { queue in
          _ = queue.lock.take()
          queue.notify(2)
          _ = queue.lock.release()
        },
        check: { queue, message in
          try notify(queue, .max)
          for waiter in waiters { try finish(waiter, message) }
        })
    }

    func testWaitingForANotification() throws {
      try walk(
        size: ConditionQueue.size, make: { try ConditionQueue.make(at: $0.contents) },
        operation: { queue in
          _ = queue.lock.take()
          _ = try queue.wait(until: Deadline(after: .milliseconds(10)))
          _ = queue.lock.release()
        },
        check: { queue, message in
          let other = try waiter(queue)
          // One that did not swallow it.
          try notify(queue, 1)
          try finish(other, message)
        })
    }

    func testDyingOfANotification() throws {
      for steps: Int32 in 0..<1000 {
        let segment = try memory(ConditionQueue.size)
        let queue = try ConditionQueue.make(at: segment.contents)
        let first = try waiter(queue, steps: steps)
        let second = try waiter(queue)
        try notify(queue, 1)
        // The first, should it live; else the second, unless the first had left the table, and held the lock, when it died.
        XCTAssertTrue(
          try first.wait(until: Deadline(after: .milliseconds(20))) || eventually { try first.statusIfEnded() != nil })
        let hasSurvived = try first.statusIfEnded()?.termination == .exited(0)
        if try !second.wait(until: Deadline(after: .milliseconds(300))) {
          XCTAssertTrue(hasSurvived || steps > 8, "killed at step \(steps), and nobody goes on")
          try notify(queue, 1)
        }
        try finish(second, "step \(steps)")
        withExtendedLifetime(segment) {}
        if hasSurvived { return XCTAssertGreaterThan(steps, 8) }
      }
      XCTFail("never survives")
    }

    // MARK: Barriers

    private func barrier(_ segment: SharedSegment) throws -> BarrierGround {
      try BarrierGround.make(at: segment.contents, parties: 2)
    }

    private func party(_ ground: BarrierGround) throws -> ChildProcess {
      let child = try start { if try ground.wait(until: self.soon, action: nil) == .outOfTime { _exit(1) } }
      XCTAssertTrue(eventually { ground.waiting == 1 && isAsleep(child) })
      return child
    }

    private func checkWhole(_ ground: BarrierGround, _ message: String) throws {
      ground.reset()
      XCTAssertFalse(ground.isBroken, message)
      let other = try party(ground)
      XCTAssertEqual(try ground.wait(until: soon, action: nil), .passed(1), message)
      try finish(other, message)
      XCTAssertEqual(ground.waiting, 0, message)
    }

    func testComingLast() throws {
      var other: ChildProcess?
      try walk(
        size: try XCTUnwrap(BarrierGround.size(parties: 2)),
        make: { segment in
          let ground = try barrier(segment)
          other = try party(ground)
          return ground
        },
        operation: { _ = try $0.wait(until: .never, action: {}) },
        check: { ground, message in
          // A death ahead of its coming is nobody's business.
          if try !XCTUnwrap(other).wait(until: Deadline(after: .milliseconds(300))), ground.waiting == 1 {
            ground.abort()
          }
          try finish(try XCTUnwrap(other), message)
          try checkWhole(ground, message)
        })
    }

    func testComingFirst() throws {
      try walk(
        size: try XCTUnwrap(BarrierGround.size(parties: 2)), make: barrier,
        operation: { _ = try $0.wait(until: Deadline(after: .milliseconds(10)), action: nil) },
        check: { ground, message in try checkWhole(ground, message) })
    }

    func testAbortingAndResetting() throws {
      var other: ChildProcess?
      try walk(
        size: try XCTUnwrap(BarrierGround.size(parties: 2)),
        make: { segment in
          let ground = try barrier(segment)
          other = try party(ground)
          return ground
        },
        operation: { ground in
          ground.reset()
          ground.abort()
        },
        check: { ground, message in
          if try !XCTUnwrap(other).wait(until: Deadline(after: .milliseconds(300))), ground.waiting == 1 {
            ground.abort()
          }
          try finish(try XCTUnwrap(other), message)
          try checkWhole(ground, message)
        })
    }
  }
#endif
