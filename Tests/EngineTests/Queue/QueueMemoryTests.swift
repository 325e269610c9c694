import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// What a queue does when the system has nothing left to give.
final class QueueMemoryTests: AuditedTestCase {
  #if DEBUG
    private func errno(by body: () throws -> Void) -> Int32? { thrown(SystemFailure.self, by: body)?.errno }

    /// Lets every call of a kind of that errno fail during `body`, as long as it is the only kind made.
    private func withoutMemory(_ error: Int32, _ body: () throws -> Void) rethrows {
      mp_fault_arm(MP_SIDE_PARENT, 0, error, .max)
      defer { mp_fault_disarm() }
      try body()
      XCTAssertTrue(mp_fault_struck())
    }

    func testAPutWithoutMemoryChangesNothing() throws {
      for error in [ENOSPC, ENOMEM] {
        let ground = try QueueGround(holding: [1, 2])
        withoutMemory(error) {
          for length in [5 << 20, 70_000] {
            XCTAssertEqual(errno { try ground.put(3, length: length) }, error)
          }
        }
        XCTAssertEqual(ground.queue.count, 2)
        try ground.put(4, length: 5 << 20)
        try ground.examine(holding: [[1, 2, 4]])
      }
    }

    func testWhatFitsGoesInWithoutMemory() throws {
      let ground = try QueueGround()
      for number in 1...4 { try ground.put(number, length: 16_000) }
      mp_fault_arm(MP_SIDE_PARENT, 0, ENOSPC, .max)
      defer { mp_fault_disarm() }
      XCTAssertEqual(errno { try ground.put(5, length: 16_000) }, ENOSPC)
      XCTAssertEqual(try ground.get(), 1)
      try ground.put(6, length: 16_000)
      XCTAssertEqual(try (0..<4).map { _ in try ground.get() }, [2, 3, 4, 6])
      mp_fault_disarm()
      try ground.examine(holding: [[]])
    }

    /// Neither the small block that an empty queue goes back to, nor the memory of what was read, can be had.
    func testAGetWithoutMemoryGets() throws {
      let ground = try QueueGround()
      for number in 1...3 { try ground.put(number, length: 5 << 20) }
      try withoutMemory(ENOMEM) { for number in 1...3 { XCTAssertEqual(try ground.get(), number) } }
      XCTAssertNil(try ground.tryGet())
      for number in 4...6 { try ground.put(number, length: 5 << 20) }
      for number in 4...6 { XCTAssertEqual(try ground.get(), number) }
      XCTAssertLessThan(ground.memory, 24 << 20)
    }

    func testAQueueThatCannotBeMadeLeavesNothing() throws {
      var errors: Set<Int32> = []
      for nth: Int32 in 0..<50 {
        mp_fault_arm(MP_SIDE_PARENT, nth, ENOSPC, 1)
        defer { mp_fault_disarm() }
        do {
          _ = try SharedQueue(capacity: nil)
          if !mp_fault_struck() { return XCTAssertEqual(errors, [ENOSPC]) }
        } catch let failure { errors.insert(failure.errno) }
      }
      XCTFail("it is never made")
    }
  #endif
}
