import CEngineTestSupport
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// The one wake-up that glibc and the kernel lose together: an unlock wakes a waiter, somebody else takes the mutex first, and the
/// waiter is killed before it has run. The mutex no longer knows of those who wait behind.
final class RobustMutexWakeTests: AuditedTestCase {
  private struct Shared {
    let segment: SharedSegment
    let mutex: RobustMutex
    /// How many have been let through.
    let passed: SharedWord

    init() throws {
      segment = try SharedSegment.make(SegmentLabel(kind: "test"), capacity: 128, reserved: 128)
      mutex = try RobustMutex.make(at: segment.contents)
      passed = SharedWord(at: segment.contents + 64)
    }
  }

  /// Waits for the mutex by `lock`, on this thread's processor and on the lowest priority.
  private func startWaiter(
    _ shared: Shared, _ lock: @escaping (RobustMutex) throws -> Void
  ) throws -> ChildProcess {
    try ForkMethod().start(
      StartRequest(record: [], survivesParent: false) { _ in
        ets_stay_on_one_processor(true)
        do { try lock(shared.mutex) } catch { return .error([], announcement: "\(error)") }
        shared.passed.value += 1
        shared.mutex.unlock()
        return .value([])
      })
  }

  /// Whether the mutex could be taken back before the waiter ran; then the waiter is dead, and nobody else is told.
  private func loseTheWakeUp(_ lock: @escaping (RobustMutex) throws -> Void) throws -> Bool {
    ets_stay_on_one_processor(false)
    defer { ets_use_every_processor() }
    let shared = try Shared()
    _ = try shared.mutex.lock()
    let first = try startWaiter(shared, lock)
    XCTAssertTrue(eventually { isAsleepOnFutex(first.pid) })
    let second = try startWaiter(shared, lock)
    XCTAssertTrue(eventually { isAsleepOnFutex(second.pid) })
    shared.mutex.unlock()
    let isTakenBack = try shared.mutex.tryLock() != nil
    try first.send(signal: SIGKILL)
    XCTAssertTrue(try first.wait(until: .never))
    if isTakenBack { shared.mutex.unlock() }
    XCTAssertTrue(try second.wait(until: Deadline(after: .seconds(20))), "the second waiter sleeps on a free mutex")
    if try !second.wait(until: .now) {
      try second.send(signal: SIGKILL)
      XCTAssertTrue(try second.wait(until: .never))
    }
    return isTakenBack && shared.passed.value == 1
  }

  func testAKilledWaiterDoesNotTakeTheWakeUpOfTheNextAlong() throws {
    XCTAssertTrue(try eventually(within: 60) { try loseTheWakeUp { _ = try $0.lock() } })
  }

  func testNorDoesItWithADeadline() throws {
    XCTAssertTrue(
      try eventually(within: 60) { try loseTheWakeUp { _ = try $0.lock(until: Deadline(after: .seconds(100))) } })
  }
}
