import XCTest

@testable import MultiprocessingEngine

final class BlockMapTests: XCTestCase {
  private func map(keeping kept: Int = 3 * 16) -> BlockMap { BlockMap(32..<32 + 16 * 100, keeping: kept, page: 16) }

  func testBlocksAreWholePagesFromTheBeginning() throws {
    var map = map()
    XCTAssertEqual(map.take(1)?.place, 32..<48)
    XCTAssertEqual(map.take(17)?.place, 48..<80)
    XCTAssertEqual(map.take(0)?.place, 80..<96)
    XCTAssertNil(map.take(16 * 97))
    XCTAssertNil(map.take(.max))
    XCTAssertEqual(map.take(16 * 96)?.place, 96..<1632)
    XCTAssertNil(map.take(1))
  }

  func testFreePlacesAreJoined() throws {
    var map = map()
    let blocks = try (0..<3).map { _ in try XCTUnwrap(map.take(16)) }
    for index in [0, 2, 1] { map.giveBack(blocks[index], hasMemory: false) }
    XCTAssertEqual(map.gapCount, 1)
    XCTAssertEqual(map.freeBytes, 1600)
  }

  func testMemoryThatIsThereIsUsedFirst() throws {
    var map = map()
    let first = try XCTUnwrap(map.take(16))
    let second = try XCTUnwrap(map.take(32))
    XCTAssertTrue(first.needsMemory && second.needsMemory)
    map.giveBack(first, hasMemory: false)
    map.giveBack(second, hasMemory: true)
    let third = try XCTUnwrap(map.take(16))
    XCTAssertFalse(third.needsMemory)
    XCTAssertEqual(third.place, 48..<64)
  }

  func testNoMoreMemoryIsKeptThanWasAllowed() throws {
    var map = map()
    let blocks = try (0..<5).map { _ in try XCTUnwrap(map.take(16)) }
    for block in blocks {
      let isSurplus = map.wouldSpare(block)
      XCTAssertEqual(isSurplus, block.place.lowerBound >= 80)
      map.giveBack(block, hasMemory: !isSurplus)
    }
  }

  func testAnythingComesBackWhole() throws {
    var map = map()
    var taken: [BlockMap.Block] = []
    var random = SystemRandomNumberGenerator()
    for _ in 0..<5000 {
      if Bool.random(using: &random), let block = map.take(Int.random(in: 1...100, using: &random)) {
        XCTAssertFalse(taken.contains { $0.place.overlaps(block.place) })
        taken.append(block)
      } else if let index = taken.indices.randomElement(using: &random) {
        let block = taken.remove(at: index)
        map.giveBack(block, hasMemory: !map.wouldSpare(block))
      }
      XCTAssertEqual(map.freeBytes + taken.reduce(0) { $0 + $1.place.count }, 1600)
    }
  }
}
