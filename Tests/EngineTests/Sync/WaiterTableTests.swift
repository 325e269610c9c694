import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// The table of those who wait, and the counts: what needs no other process.
final class WaiterTableTests: SyncTestCase {
  private func table(capacity: Int) throws -> (SharedSegment, WaiterTable) {
    let segment = try memory(WaiterTable.size(capacity: capacity))
    return (segment, WaiterTable(at: segment.contents, capacity: capacity))
  }

  func testSlotsAreUsedAgainAndOrderIsOfComing() throws {
    let (segment, table) = try table(capacity: 3)
    let waiters = try (0..<3).map { _ in try XCTUnwrap(try table.enter()) }
    XCTAssertNil(try table.enter())
    waiters[0].leave()
    let last = try XCTUnwrap(try table.enter())
    XCTAssertNil(try table.enter())
    // The slot of the first, and the turn of the last.
    for waiter in table.longestWaiting(2) { waiter.tell(.released) }
    XCTAssertEqual([waiters[1], waiters[2], last].map(\.state), [.released, .released, .waiting])
    XCTAssertEqual(table.longestWaiting(.max).count, 1)
    table.longestWaiting(1)[0].tell(.broken)
    XCTAssertEqual(last.state, .broken)
    XCTAssertTrue(table.longestWaiting(5).isEmpty)
    for waiter in [waiters[1], waiters[2], last] { waiter.leave() }
    XCTAssertEqual(table.all(.gone).count { _ in true }, 3)
    withExtendedLifetime(segment) {}
  }

  func testTheDeadAreKnownAndNotCounted() throws {
    let (segment, table) = try table(capacity: 3)
    XCTAssertEqual(concurrently(2) { number in number == 0 && (try? table.enter()) != nil }, [true, false])
    let alive = try XCTUnwrap(try table.enter())
    XCTAssertEqual(table.all(.waiting).map(\.isDead), [true, false])
    XCTAssertEqual(table.longestWaiting(.max).count, 1)
    table.longestWaiting(1)[0].tell(.released)
    XCTAssertEqual(alive.state, .released)
    for dead in table.all(.waiting) { dead.clear() }
    let next = try XCTUnwrap(try table.enter())
    XCTAssertFalse(next.isDead)
    for waiter in [alive, next] { waiter.leave() }
    withExtendedLifetime(segment) {}
  }

  func testATableThatSomebodyHasOverwrittenStaysWithinItsBounds() throws {
    let (segment, table) = try table(capacity: 3)
    for value in [Int.max, Int.min, -1, 4] {
      segment.contents.storeBytes(of: value, as: Int.self)
      XCTAssertLessThanOrEqual(table.all(.gone).count { _ in true }, 3)
    }
  }

  func testSumsOfPermits() {
    XCTAssertEqual(PermitCounter.sum(0, 1, limit: 1), 1)
    XCTAssertNil(PermitCounter.sum(1, 1, limit: 1))
    XCTAssertEqual(PermitCounter.sum(2, 3, limit: .max), 5)
    XCTAssertNil(PermitCounter.sum(1, .max, limit: .max))
    XCTAssertNil(PermitCounter.sum(.max, 1, limit: .max))
    XCTAssertNil(PermitCounter.sum(5, 1, limit: 2), "more than the limit already")
  }

  func testSizesOfBarriers() throws {
    for parties in [0, -1, .min, .max, BarrierGround.mostParties + 1] {
      XCTAssertNil(BarrierGround.size(parties: parties))
    }
    let size = try XCTUnwrap(BarrierGround.size(parties: 2))
    let segment = try memory(size)
    _ = try BarrierGround.make(at: segment.contents, parties: 2)
    XCTAssertEqual(BarrierGround(at: segment.contents, capacity: size)?.parties, 2)
    XCTAssertNil(BarrierGround(at: segment.contents, capacity: size - 1))
    XCTAssertNil(BarrierGround(at: segment.contents, capacity: 64))
    segment.contents.storeBytes(of: 1 << 15, toByteOffset: 64, as: Int.self)
    XCTAssertNil(BarrierGround(at: segment.contents, capacity: segment.capacity), "parties that it has no room for")
  }

  func testTheSoonerDeadline() {
    XCTAssertFalse(Deadline.never.capped(at: .seconds(5)).isNever)
    XCTAssertTrue(Deadline.now.capped(at: .seconds(5)).hasPassed)
    XCTAssertTrue(Deadline(after: .seconds(5)).capped(at: .zero).hasPassed)
    let capped = Deadline(after: .seconds(500)).capped(at: .seconds(5))
    XCTAssertLessThanOrEqual(capped.nanoseconds, 5_000_000_000)
  }
}
