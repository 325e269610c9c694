import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// Queues that have been used for longer than a test can wait: their counters near their ends.
final class QueueWrapTests: AuditedTestCase {
  /// An empty queue whose sides stand at that place of its first block.
  private func queue(block: UInt16, offset: Int, count: UInt64) throws -> QueueGround {
    let ground = try QueueGround()
    let base = ground.queue.segment.contents
    let progress = QueueProgress(position: QueuePosition(block: block, offset: offset), count: count)
    QueueBlocks(base: base)[block] = QueueBlock(start: 0, size: QueueBlock.smallest)
    for cursor in [QueueLayout.tail, QueueLayout.head] { QueueCursor(at: base + cursor).commit(progress) }
    for seen in [QueueLayout.tailSeen, QueueLayout.headSeen] {
      SharedWord(at: base + seen).value = progress.position.bits
    }
    SharedWord(at: base + QueueLayout.headCountSeen).value = count
    SharedWord(at: base + QueueLayout.tasksDone).value = count
    return ground
  }

  func testTheNumbersOfBlocksComeRound() throws {
    let ground = try queue(block: .max - 20, offset: 0, count: 1 << 40)
    var put = 0
    var got = 0
    // Each of the large ones has a block of its own; some of them wait while the next come.
    for waiting in [1, 3, 1, 5, 2, 8, 1, 12, 1] {
      for _ in 0..<waiting {
        put += 1
        try ground.put(put, length: put % 3 == 0 ? 100 : 5 << 20)
      }
      for _ in 0..<waiting {
        got += 1
        XCTAssertEqual(try ground.get(), got)
      }
    }
    let position = QueueCursor(at: ground.queue.segment.contents + QueueLayout.tail).own.position
    XCTAssertLessThan(position.block, 1000, "it has come round")
    try ground.examine(holding: [[]])
  }

  func testABlockThatHasCountedToItsEndIsLeft() throws {
    let ground = try queue(block: 3, offset: QueuePosition.lastOffset - 40, count: 1 << 40)
    for number in 1...8 { try ground.put(number) }
    let position = QueueCursor(at: ground.queue.segment.contents + QueueLayout.tail).own.position
    XCTAssertEqual(position.block, 4)
    for number in 1...8 { XCTAssertEqual(try ground.get(), number) }
    try ground.examine(holding: [[]])
  }

  func testAsManyBlocksAsThereAreEntriesFor() throws {
    let ground = try QueueGround()
    let base = ground.queue.segment.contents
    // The head stays where it is, and small blocks follow one another.
    for number in 1..<UInt16(QueueLayout.mostBlocks) {
      let before = QueueBlocks(base: base)[number - 1]
      QueueBlocks(base: base)[number] = QueueBlock(start: before.start + before.size, size: before.size)
      QueueCursor(at: base + QueueLayout.tail).commit(
        QueueProgress(position: QueuePosition(block: number, offset: 0), count: 0))
    }
    XCTAssertEqual(thrown(SystemFailure.self, by: { try ground.put(1, length: 100_000) })?.errno, ENOMEM)
    XCTAssertNil(try ground.tryGet(), "nothing is in any of them")
    try ground.put(2, length: 100_000)
    try ground.examine(holding: [[2]])
  }
}
