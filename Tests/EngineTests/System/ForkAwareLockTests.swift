import Foundation
import TestSupport
import XCTest

@testable import MultiprocessingEngine

final class ForkAwareLockTests: AuditedTestCase {
  func testOneHolderAtATime() {
    let counter = ForkAwareLock(0)
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      for _ in 0..<20_000 { counter.withLock { $0 += 1 } }
    }
    XCTAssertEqual(counter.withLock { $0 }, 160_000)
  }

  func testAnErrorSetsItFree() {
    struct Refusal: Error {}
    let lock = ForkAwareLock(1)
    XCTAssertThrowsError(try lock.withLock { _ in throw Refusal() })
    XCTAssertEqual(lock.withLock { $0 }, 1)
  }

  func testAForkSetsItFree() throws {
    let lock = ForkAwareLock(7)
    let held = DispatchSemaphore(value: 0)
    let letGo = DispatchSemaphore(value: 0)
    let thread = Thread {
      lock.withLock { _ in
        held.signal()
        letGo.wait()
      }
    }
    thread.start()
    held.wait()
    let request = StartRequest(record: [], survivesParent: false) { _ in
      .value([UInt8(lock.withLock { $0 })])
    }
    let child = try ForkMethod().start(request)
    XCTAssertTrue(try child.wait(until: Deadline(after: .seconds(60))))
    let value = try XCTUnwrap(try child.report().value)
    XCTAssertEqual(withExtendedLifetime(value) { [UInt8]($0.bytes) }, [7])
    letGo.signal()
    XCTAssertEqual(lock.withLock { $0 }, 7)
  }
}

final class DeadlineTests: XCTestCase {
  func testNilAndTheUnreachableAreNever() {
    XCTAssertEqual(Deadline(after: nil).nanoseconds, -1)
    XCTAssertEqual(Deadline(after: .seconds(Int64.max)).nanoseconds, -1)
    XCTAssertEqual(Deadline.never.nanoseconds, -1)
  }

  func testZeroAndLessHavePassed() {
    for timeout in [Duration.zero, .seconds(-5), .nanoseconds(-1)] {
      XCTAssertEqual(Deadline(after: timeout).nanoseconds, 0, "\(timeout)")
    }
  }

  func testWhatIsLeftShrinks() {
    let deadline = Deadline(after: .seconds(100))
    let first = deadline.nanoseconds
    XCTAssertLessThanOrEqual(first, 100_000_000_000)
    XCTAssertGreaterThan(first, 0)
    XCTAssertLessThanOrEqual(deadline.nanoseconds, first)
  }
}
