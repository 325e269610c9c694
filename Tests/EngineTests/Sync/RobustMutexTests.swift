import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

final class RobustMutexTests: SyncTestCase {
  /// A mutex, a futex and a number in one segment.
  private struct Shared: @unchecked Sendable {
    // Sendable: the number is touched under the mutex.
    let segment: SharedSegment
    let mutex: RobustMutex
    let futex: SharedFutex
    let number: UnsafeMutablePointer<Int>

    init() throws {
      segment = try SharedSegment.make(SegmentLabel(kind: "test"), capacity: 256, reserved: 256)
      mutex = try RobustMutex.make(at: segment.contents)
      futex = SharedFutex(at: segment.contents + 64)
      number = (segment.contents + 128).assumingMemoryBound(to: Int.self)
    }
  }

  func testOneHolderAtATime() throws {
    let shared = try Shared()
    let mutex = shared.mutex
    XCTAssertTrue(mutex.isFree)
    XCTAssertEqual(try mutex.lock(), .taken)
    XCTAssertFalse(mutex.isFree)
    XCTAssertTrue(mutex.isHeldByThisThread)
    XCTAssertTrue(mutex.isHeldByThisProcess)
    XCTAssertNil(try mutex.tryLock(), "the holder itself")
    XCTAssertEqual(thrown(SystemFailure.self, by: { try mutex.lock() })?.errno, EDEADLK)
    let answers = concurrently(1) { _ in
      let taken = [
        try? mutex.tryLock(), try? mutex.lock(until: Deadline(after: .milliseconds(20))), try? mutex.lock(until: .now),
      ]
      return mutex.isHeldByThisThread || taken.contains { $0 != nil } || mutex.unlock()
    }
    XCTAssertEqual(answers, [false])
    XCTAssertTrue(mutex.unlock())
    XCTAssertFalse(mutex.unlock(), "nobody's")
    XCTAssertEqual(try mutex.lock(until: .now), .taken)
    XCTAssertTrue(mutex.unlock())
  }

  func testTheNextHolderIsToldOfTheDead() throws {
    let shared = try Shared()
    let mutex = shared.mutex
    for _ in 0..<3 {
      try end(start { _ = try? mutex.lock() })
      XCTAssertTrue(mutex.isFree)
      XCTAssertFalse(mutex.isHeldByThisProcess)
      XCTAssertEqual(try mutex.lock(), .takenFromTheDead)
      XCTAssertTrue(mutex.unlock())
      XCTAssertEqual(try mutex.lock(), .taken, "told once")
      XCTAssertTrue(mutex.unlock())
    }
  }

  func testAWaiterIsWokenByTheHoldersDeath() throws {
    let shared = try Shared()
    let holder = try start {
      _ = try? shared.mutex.lock()
      shared.number.pointee = 1
      while true { sleep(1) }
    }
    XCTAssertTrue(eventually { !shared.mutex.isFree && shared.number.pointee == 1 })
    let waiter = try start {
      guard (try? shared.mutex.lock()) == .takenFromTheDead else { return }
      shared.number.pointee = 2
      shared.mutex.unlock()
    }
    XCTAssertFalse(try waiter.wait(until: Deadline(after: .milliseconds(50))))
    try end(holder, killing: true)
    try end(waiter)
    XCTAssertEqual(shared.number.pointee, 2)
  }

  func testAForkInheritsNoMutex() throws {
    let shared = try Shared()
    XCTAssertEqual(try shared.mutex.lock(), .taken)
    try end(start { shared.number.pointee = shared.mutex.unlock() || shared.mutex.isHeldByThisProcess ? 1 : 2 })
    XCTAssertEqual(shared.number.pointee, 2)
    XCTAssertTrue(shared.mutex.isHeldByThisThread)
    XCTAssertTrue(shared.mutex.unlock())
  }

  func testManyProcessesCountUnderIt() throws {
    let shared = try Shared()
    let children = try (0..<4).map { _ in
      try start {
        for _ in 0..<20_000 {
          guard (try? shared.mutex.lock()) == .taken else { return }
          shared.number.pointee += 1
          shared.mutex.unlock()
        }
      }
    }
    for child in children { try end(child) }
    XCTAssertEqual(shared.number.pointee, 80_000)
  }

  func testSleepersWakeWhenTheCounterMovesOn() throws {
    let shared = try Shared()
    let seen = shared.futex.now
    XCTAssertFalse(shared.futex.wait(while: seen, until: Deadline(after: .milliseconds(20))))
    let sleepers = try (0..<3).map { _ in
      try start { while shared.futex.now == seen { _ = shared.futex.wait(while: seen, until: .never) } }
    }
    shared.futex.advance()
    for sleeper in sleepers { try end(sleeper) }
    XCTAssertTrue(shared.futex.wait(while: seen, until: .never), "it has moved on already")
  }
}
