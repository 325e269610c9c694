import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

#if DEBUG
  /// Lets a process die ahead of every single write and call of a wait that its keeper carries out, one after the other, and looks whether
  /// the others can go on.
  final class KeptKillTests: SyncTestCase {
    override var patience: Double { 600 }

    private var soon: Deadline { Deadline(after: .seconds(60)) }
    private static var moment: Deadline { Deadline(after: .milliseconds(5)) }

    /// - Parameters:
    ///   - make: a fresh primitive, and what belongs to it.
    ///   - operation: what a child does; it dies a step later each time, until it survives.
    ///   - check: what has to hold after its end.
    private func walk<Ground>(
      make: () throws -> Ground, operation: @escaping (Ground) throws -> Void,
      check: (Ground, String) throws -> Void, line: UInt = #line
    ) throws {
      for nth in 0..<1000 {
        let ground = try make()
        let child = try start {
          mp_kill_arm(Int32(nth))
          try operation(ground)
          mp_kill_arm(-1)
        }
        try end(child)
        let isOver = try child.statusIfEnded()?.termination == .exited(0)
        if !isOver {
          XCTAssertEqual(try child.statusIfEnded()?.termination, .signaled(SIGKILL), "at step \(nth)", line: line)
        }
        try check(ground, "killed at step \(nth)")
        if isOver { return XCTAssertGreaterThan(nth, 1, "nothing was stepped through", line: line) }
      }
      XCTFail("never survives", line: line)
    }

    private struct Unexpected: Error {}

    private static func keep(
      _ wait: any KeptWait, until deadline: Deadline = .never, expecting expected: Keeper.Outcome? = nil
    ) throws {
      let outcome = try Keeper.withRoom().waitBlocking(wait, until: deadline)
      if let expected, outcome != expected { throw Unexpected() }
    }

    private struct Ground<Primitive> {
      let segment: SharedSegment
      let primitive: Primitive
    }

    private func ground<Primitive>(
      _ size: Int, _ make: (UnsafeMutableRawPointer) throws -> Primitive
    ) throws -> Ground<Primitive> {
      let segment = try memory(size)
      return Ground(segment: segment, primitive: try make(segment.contents))
    }

    func testALock() throws {
      try walk(
        make: { try ground(OwnedLock.size) { try OwnedLock.make(at: $0) } },
        operation: { ground in
          let lock = ground.primitive
          _ = lock.take()
          try Self.keep(LockWait(lock, of: ground.segment), until: Self.moment, expecting: .outOfTime)
          _ = lock.release()
          try Self.keep(LockWait(lock, of: ground.segment), expecting: .over)
          try Self.keep(LockWait(lock, of: ground.segment), until: Self.moment, expecting: .outOfTime)
          if lock.release() != .released { throw Unexpected() }
        },
        check: { ground, message in
          let lock = ground.primitive
          XCTAssertEqual(try lock.acquire(until: soon), .acquired, message)
          XCTAssertEqual(lock.release(), .released, message)
        })
    }

    /// Others wait for it meanwhile, in a line behind the dead or ahead of it.
    func testAPermit() throws {
      var others: [ChildProcess] = []
      try walk(
        make: { () -> Ground<PermitCounter> in
          let made = try ground(PermitCounter.size) { try PermitCounter.make(at: $0, free: 0, limit: .max) }
          let counter = made.primitive
          others = try (0..<2).map { _ in
            let other = try start { if try !counter.take(until: self.soon) { _exit(1) } }
            XCTAssertTrue(eventually { isAsleep(other) })
            return other
          }
          return made
        },
        operation: { ground in
          try Self.keep(ground.primitive.giving(of: ground.segment), until: Self.moment, expecting: .outOfTime)
        },
        check: { ground, message in
          for _ in others { XCTAssertTrue(try ground.primitive.give(1)) }
          for other in others { try finish(other, message) }
          XCTAssertEqual(ground.primitive.available, 0, message)
        })
    }

    func testThePermitOfOneWhoHasTheTurn() throws {
      try walk(
        make: { try ground(PermitCounter.size) { try PermitCounter.make(at: $0, free: 0, limit: .max) } },
        operation: { ground in
          let counter = ground.primitive
          try Self.keep(counter.giving(of: ground.segment), until: Self.moment, expecting: .outOfTime)
          _ = try counter.give(1)
          try Self.keep(counter.giving(of: ground.segment), expecting: .over)
          if try !counter.takeAtOnce() { throw Unexpected() }
        },
        check: { ground, message in
          let counter = ground.primitive
          if counter.available > 0 { XCTAssertTrue(try counter.takeAtOnce()) }
          let other = try start { if try !counter.take(until: self.soon) { _exit(1) } }
          XCTAssertTrue(eventually { isAsleep(other) })
          XCTAssertTrue(try counter.give(1))
          try finish(other, message)
        })
    }

    func testAFlag() throws {
      try walk(
        make: { try ground(SharedFlag.size) { try SharedFlag.make(at: $0) } },
        operation: { ground in
          try Self.keep(ground.primitive.raising(of: ground.segment), until: Self.moment, expecting: .outOfTime)
          ground.primitive.raise()
          try Self.keep(ground.primitive.raising(of: ground.segment), expecting: .over)
          ground.primitive.lower()
        },
        check: { ground, message in
          let flag = ground.primitive
          flag.lower()
          let other = try start { if try !flag.wait(until: self.soon) { _exit(1) } }
          XCTAssertTrue(eventually { isAsleep(other) })
          flag.raise()
          try finish(other, message)
        })
    }

    func testACondition() throws {
      try walk(
        make: { try ground(ConditionQueue.size) { try ConditionQueue.make(at: $0) } },
        operation: { ground in
          let queue = ground.primitive
          try Self.keep(LockWait(queue.lock, of: ground.segment), expecting: .over)
          let wait = ConditionWait(queue, of: ground.segment)
          try Self.keep(wait, until: Self.moment, expecting: .outOfTime)
          if wait.waiting != .outOfTime { throw Unexpected() }
          queue.notify(1)
          if queue.lock.release() != .released { throw Unexpected() }
        },
        check: { ground, message in
          let queue = ground.primitive
          let isIn = Flag()
          let other = try start {
            _ = try queue.lock.acquire(until: self.soon)
            isIn.raise()
            if try queue.wait(until: self.soon) != .notified { _exit(1) }
            _ = queue.lock.release()
          }
          XCTAssertTrue(eventually { isIn.isRaised }, message)
          XCTAssertEqual(try queue.lock.acquire(until: soon), .acquired, message)
          queue.notify(1)
          XCTAssertEqual(queue.lock.release(), .released)
          try finish(other, message)
        })
    }

    func testABarrier() throws {
      try walk(
        make: {
          try ground(BarrierGround.size(parties: 2)!) { try BarrierGround.make(at: $0, parties: 2) }
        },
        operation: { ground in
          let wait = BarrierWait(ground.primitive, of: ground.segment)
          try Self.keep(wait, until: Self.moment, expecting: .outOfTime)
          ground.primitive.reset()
        },
        check: { ground, message in
          let barrier = ground.primitive
          barrier.reset()
          let others = try (0..<2).map { _ in
            try start {
              guard case .passed = try barrier.wait(until: self.soon, action: nil) else { throw Unexpected() }
            }
          }
          for other in others { try finish(other, message) }
          XCTAssertEqual(barrier.waiting, 0, message)
        })
    }

    // MARK: Queues

    func testAQueuesGetters() throws {
      var others: [ChildProcess] = []
      try walk(
        make: {
          let ground = try QueueGround()
          others = [try ground.startGetter(noting: 1)]
          ground.awaitSleep(others[0])
          return ground
        },
        operation: { ground in
          try Self.keep(ground.queue.elementComing, until: Self.moment, expecting: .outOfTime)
          try ground.put(7)
          try Self.keep(ground.queue.elementComing, until: Self.moment)
        },
        check: { ground, message in
          if ground.putCount == 0 { try ground.put(7) }
          for other in others { ground.end(other, message) }
          XCTAssertEqual(ground.note(1), 7, message)
          try ground.examine(holding: [[]])
        })
    }

    func testTheGetterWhoHasTheTurn() throws {
      try walk(
        make: { try QueueGround() },
        operation: { try Self.keep($0.queue.elementComing, until: Self.moment, expecting: .outOfTime) },
        check: { ground, message in
          let other = try ground.startGetter(noting: 1)
          ground.awaitSleep(other)
          try ground.put(7)
          ground.end(other, message)
          XCTAssertEqual(ground.note(1), 7, message)
          try ground.examine(holding: [[]])
        })
    }

    func testAQueuesPutters() throws {
      try walk(
        make: { try QueueGround(capacity: 1, holding: [1]) },
        operation: { try Self.keep($0.queue.roomComing, until: Self.moment, expecting: .outOfTime) },
        check: { ground, message in
          let other = try ground.startPutter(2, noting: 1)
          ground.awaitSleep(other)
          XCTAssertEqual(try ground.get(until: soon), 1, message)
          ground.end(other, message)
          try ground.examine(holding: [[2]])
        })
    }

    func testAQueuesJoiners() throws {
      try walk(
        make: { try QueueGround(holding: [1]) },
        operation: { try Self.keep($0.queue.tasksEnding, until: Self.moment, expecting: .outOfTime) },
        check: { ground, message in
          let other = try ground.startJoiner()
          ground.awaitSleep(other)
          XCTAssertTrue(try ground.queue.tasks.done())
          ground.end(other, message)
          try ground.examine(holding: [[1]])
        })
    }
  }
#endif
