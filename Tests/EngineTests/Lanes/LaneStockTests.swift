import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// Lanes that are used again, and the moment's look ahead of a sleep.
final class LaneStockTests: AuditedTestCase {
  func testALaneComesBackAsNew() throws {
    let stock = LaneStock(keeping: 2)
    let lane = try stock.take()
    let base = lane.region.base
    var writer = lane.requestWriter()
    var replies = lane.replyWriter()
    for _ in 0..<100 {
      XCTAssertNotNil(writer.room(for: 100))
      writer.commit(3, 100)
      XCTAssertNotNil(replies.room(for: 100))
      replies.commit(4, 100)
    }
    lane.begun.publish(17)
    lane.growing.publish(18)
    lane.workerSleeps.raise()
    lane.workerWantsRoom.raise()
    let block = lane.blocks.lowerBound..<lane.blocks.lowerBound + SharedRegion.pageSize
    try lane.reserve(block)
    (lane.region.base + block.lowerBound).storeBytes(of: 0xFF, as: UInt8.self)

    stock.giveBack(lane)
    let again = try stock.take()
    XCTAssertEqual(again.region.base, base)
    var requests = again.requestReader()
    XCTAssertTrue(requests.isEmpty())
    var reader = again.replyReader()
    XCTAssertTrue(reader.isEmpty())
    XCTAssertEqual(again.begun.observe(), 0)
    XCTAssertEqual(again.growing.observe(), 0)
    XCTAssertFalse(again.workerSleeps.isRaised)
    XCTAssertFalse(again.workerWantsRoom.isRaised)
    // The memory behind its blocks has gone back.
    XCTAssertEqual((again.region.base + block.lowerBound).load(as: UInt8.self), 0)
    var next = again.requestWriter()
    XCTAssertNotNil(next.room(for: 5))
    next.commit(1, 5)
    XCTAssertEqual(try XCTUnwrap(requests.next()).payload.count, 5)
  }

  func testKeepsNoMoreThanItMay() throws {
    let stock = LaneStock(keeping: 1)
    let (one, other) = (try stock.take(), try stock.take())
    stock.giveBack(one)
    stock.giveBack(other)
    XCTAssertEqual(try stock.take().region.base, one.region.base)
    XCTAssertNotEqual(try stock.take().region.base, other.region.base)
  }

  /// How long it looks depends on what else wants the processor, but it looks.
  func testALookSeesWhatComesAndEndsWithoutIt() {
    var looks = 0
    XCTAssertTrue(
      ShortLook.look(for: 2000) {
        looks += 1
        return looks == 5
      })
    XCTAssertEqual(looks, 5)
    XCTAssertFalse(ShortLook.look(for: 2000) { false })
  }
}
