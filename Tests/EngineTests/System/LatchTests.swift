import TestSupport
import XCTest

@testable import MultiprocessingEngine

final class LatchTests: AuditedTestCase {
  func testItStaysOpen() {
    let latch = Latch()
    XCTAssertFalse(latch.isOpen)
    XCTAssertFalse(latch.wait(until: .now))
    XCTAssertFalse(latch.wait(until: Deadline(after: .milliseconds(2))))
    latch.open()
    latch.open()
    XCTAssertTrue(latch.isOpen)
    XCTAssertTrue(latch.wait(until: .now))
    XCTAssertTrue(latch.wait(until: .never))
  }

  func testEverySleeperWakes() {
    for _ in 0..<100 {
      let latch = Latch()
      let woken = concurrently(4) { number in
        if number == 0 { latch.open() }
        return latch.wait(until: .never)
      }
      XCTAssertEqual(woken, [true, true, true, true])
    }
  }

  func testWhatWasWrittenAheadIsSeen() {
    for round in 0..<100 {
      let latch = Latch()
      // Safe: written ahead of the opening, and read after it.
      nonisolated(unsafe) let place = UnsafeMutablePointer<Int>.allocate(capacity: 1)
      place.initialize(to: -1)
      let thread = TestThread {
        place.pointee = round
        latch.open()
      }
      XCTAssertTrue(latch.wait(until: .never))
      XCTAssertEqual(place.pointee, round)
      thread.join()
      place.deallocate()
    }
  }

  func testSignalsDoNotEndTheWait() throws {
    let latch = Latch()
    let thread = TestThread {
      SignalStorm.outlast(20)
      latch.open()
    }
    SignalStorm.rage(every: 500) { XCTAssertTrue(latch.wait(until: .never)) }
    thread.join()
  }
}

final class TaskLatchTests: TaskTestCase {
  func testOpenedAheadAndLater() async throws {
    let early = TaskLatch()
    early.open()
    let isOpen = try await early.wait(until: .never)
    XCTAssertTrue(isOpen)
    for timeout in [nil, Duration.seconds(600)] {
      let late = TaskLatch()
      let task = Task { try await late.wait(until: Deadline(after: timeout)) }
      late.open()
      let isOpen = try await task.value
      XCTAssertTrue(isOpen)
    }
  }

  func testTheDeadlineEndsTheWait() async throws {
    for timeout in [Duration.zero, .milliseconds(2)] {
      let isOpen = try await TaskLatch().wait(until: Deadline(after: timeout))
      XCTAssertFalse(isOpen)
    }
  }

  func testTheCancellationEndsTheWait() async throws {
    for timeout in [nil, Duration.seconds(600)] {
      let task = Task { try await TaskLatch().wait(until: Deadline(after: timeout)) }
      task.cancel()
      guard case .failure(let error) = await task.result else { return XCTFail("no error") }
      XCTAssertTrue(error is CancellationError)
    }
  }
}
