import XCTest

@testable import MultiprocessingEngine

final class QueueBlockTests: XCTestCase {
  private let ring = QueueBlock(start: 0, size: QueueBlock.smallest)
  private let large = QueueBlock(start: 0, size: QueueBlock.largestRing + 4096)

  private func place(_ block: QueueBlock, _ length: Int, at offset: Int, unread: Int) -> [Int]? {
    block.place(length, at: offset, unread: unread).map { [$0.offset, $0.skipped] }
  }

  func testARecordGoesBehindTheLastOne() {
    XCTAssertEqual(place(ring, 64, at: 128, unread: 0), [128, 0])
    XCTAssertEqual(place(ring, ring.size, at: 0, unread: 0), [0, 0])
    XCTAssertNil(place(ring, ring.size + 8, at: 0, unread: 0))
    XCTAssertEqual(place(large, 4096, at: QueueBlock.largestRing, unread: 0), [QueueBlock.largestRing, 0])
    XCTAssertNil(place(large, 4104, at: QueueBlock.largestRing, unread: 0))
  }

  func testWhatWasReadMakesRoomInARing() {
    XCTAssertNil(place(ring, 64, at: ring.size, unread: 0), "nothing was read")
    XCTAssertNil(place(ring, 64, at: ring.size, unread: 56))
    XCTAssertEqual(place(ring, 64, at: ring.size, unread: 64), [ring.size, 0])
    XCTAssertEqual(ring.address(of: ring.size + 64), 64)
    XCTAssertNil(place(large, 64, at: large.size, unread: large.size), "a large block comes to its end")
  }

  func testARecordLiesInOnePiece() {
    let offset = ring.size - 32
    XCTAssertEqual(place(ring, 64, at: offset, unread: offset), [ring.size, 32])
    XCTAssertEqual(place(ring, 32, at: offset, unread: offset), [offset, 0])
    XCTAssertNil(place(ring, 64, at: offset, unread: 56), "the gap takes room as well")
    XCTAssertEqual(place(ring, 64, at: offset, unread: 64), [ring.size, 32])
  }

  func testABlockTakesNoMoreThanItsOffsetCanCount() {
    XCTAssertNotNil(place(ring, 64, at: QueuePosition.lastOffset, unread: QueuePosition.lastOffset))
    XCTAssertNil(place(ring, 64, at: QueuePosition.lastOffset + 8, unread: QueuePosition.lastOffset + 8))
  }

  func testTheNextBlockIsAsLargeAsNeeded() {
    let area = 1 << 30
    XCTAssertEqual(ring.sizesOfNext(taking: 64, unread: ring.size, area: area), [ring.size * 2, ring.size])
    XCTAssertEqual(
      ring.sizesOfNext(taking: 300_000, unread: ring.size, area: area), [524_288, 524_288], "a ring is a power of two")
    let long = QueueBlock.largestRing + 8
    XCTAssertEqual(
      ring.sizesOfNext(taking: long, unread: ring.size, area: area)[0], QueueBlock.largestRing + 4096, "whole pages")
    XCTAssertEqual(large.sizesOfNext(taking: 64, unread: large.size, area: area)[0], large.size * 2)
    XCTAssertEqual(large.sizesOfNext(taking: 64, unread: 64, area: area)[0], QueueBlock.smallest, "nearly all was read")
    XCTAssertEqual(
      QueueBlock(start: 0, size: area / 8).sizesOfNext(taking: 64, unread: area / 8, area: area)[0], area / 8)
  }

  func testBlocksFollowOneAnotherRoundTheArea() {
    func block(_ start: Int, _ size: Int) -> QueueBlock { QueueBlock(start: start, size: size) }
    XCTAssertEqual(block(0, 100).placeOfNext(200, first: block(0, 100), area: 300), block(100, 200))
    XCTAssertNil(block(0, 100).placeOfNext(201, first: block(0, 100), area: 300), "the first is still in use")
    XCTAssertEqual(block(200, 100).placeOfNext(200, first: block(200, 100), area: 300), block(0, 200))
    XCTAssertNil(block(200, 100).placeOfNext(201, first: block(200, 100), area: 300))
    XCTAssertEqual(block(0, 50).placeOfNext(150, first: block(200, 100), area: 300), block(50, 150))
    XCTAssertNil(block(0, 50).placeOfNext(151, first: block(200, 100), area: 300))
  }

  func testPositionsAndRecordsSurvivePacking() {
    for position in [(0, 0), (65535, QueuePosition.lastOffset), (7, 1 << 40)] {
      let packed = QueuePosition(block: UInt16(position.0), offset: position.1)
      XCTAssertEqual(Int(packed.block), position.0)
      XCTAssertEqual(packed.offset, position.1)
      XCTAssertEqual(QueuePosition(bits: packed.bits), packed)
    }
    for length in [0, 1, 1 << 40, nil] as [Int?] {
      XCTAssertEqual(QueueRecord(header: QueueRecord(length: length).header), QueueRecord(length: length))
    }
    XCTAssertNil(QueueRecord(header: 0), "memory that nobody wrote is no record")
    XCTAssertEqual([0, 1, 8, 9].map { QueueRecord.size(ofElement: $0) }, [8, 16, 16, 24])
  }
}
