import XCTest

@testable import Multiprocessing

/// How much travels at once, and how long a worker looks for more.
final class PoolPacingTests: XCTestCase {
  func testItemsThatNobodyKnowsTravelAlone() {
    let chunking = PoolChunking(fixed: nil, processes: 2, total: 1000)
    XCTAssertEqual(chunking.size(itemTime: nil, itemBytes: 0, fed: 0), 1)
    XCTAssertEqual(chunking.window(itemTime: nil, itemBytes: 0, size: 1), 4)
  }

  func testTinyItemsTravelTogetherAndLongOnesAlone() {
    let chunking = PoolChunking(fixed: nil, processes: 2, total: nil)
    XCTAssertEqual(chunking.size(itemTime: 1000, itemBytes: 8, fed: 0), 1000)
    XCTAssertEqual(chunking.size(itemTime: 50_000_000, itemBytes: 8, fed: 0), 1)
    XCTAssertEqual(chunking.size(itemTime: 1000, itemBytes: 1 << 20, fed: 0), 1)
  }

  func testLargeItemsAreFewUnderWay() {
    let chunking = PoolChunking(fixed: nil, processes: 2, total: 64)
    XCTAssertEqual(chunking.window(itemTime: 100_000, itemBytes: 1 << 20, size: 1), 4)
    XCTAssertEqual(chunking.window(itemTime: 100_000, itemBytes: 64 << 10, size: 1), 40)
    // Each worker has one ahead of time, however large.
    XCTAssertEqual(chunking.window(itemTime: 100_000, itemBytes: 1 << 30, size: 1), 4)
    XCTAssertEqual(chunking.window(itemTime: 100_000, itemBytes: 8, size: 1), 40)
  }

  func testALookGetsLongerWhereItWasWorthIt() {
    var patience = SpinPatience(isAllowed: true)
    let first = patience.nanoseconds
    patience.note(wasWorthIt: true)
    XCTAssertEqual(patience.nanoseconds, 2 * first)
    for _ in 0..<10 { patience.note(wasWorthIt: true) }
    XCTAssertEqual(patience.nanoseconds, 32_000)
    for _ in 0..<10 { patience.note(wasWorthIt: false) }
    XCTAssertEqual(patience.nanoseconds, 12_000)
    XCTAssertFalse(SpinPatience(isAllowed: false).spins)
  }
}
