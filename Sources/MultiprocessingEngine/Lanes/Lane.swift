import CMultiprocessing
import Glibc
import Synchronization

/// What a process and one worker that it forks say to each other: requests one way, replies the other, in memory that both have.
///
///     0      words, each on a cache line of its own
///     4096   ring of requests
///     ...    ring of replies
///     ...    blocks for what is too long for the ring of replies
///
/// A worker may die, or be stopped, at any instruction: there is no lock in here.
package final class Lane: @unchecked Sendable {
  // Sendable: immutable, but for the memory; what each side writes there is ordered by the rings' words.

  /// A power of two.
  static let ringSize = 1 << 16
  private static let blocksAt = 4096 + 2 * ringSize
  private static let size = 1 << 36
  private static let leastSize = blocksAt + 1 << 23

  package let region: SharedRegion
  package let requests: LaneRing
  package let replies: LaneRing
  /// The worker sleeps for a request.
  package let workerSleeps: LaneFlag
  /// The worker sleeps for room in the ring of replies.
  package let workerWantsRoom: LaneFlag
  /// When the worker has begun the item that it runs, in nanoseconds of the monotonic clock; 0: it runs none.
  package let begun: SharedWord
  /// 1 + the position of a record of replies that the worker fills bit by bit.
  package let growing: SharedWord
  /// 1 when there may be memory behind the blocks.
  private let usesBlocks: SharedWord

  package init() throws(SystemFailure) {
    region = try SharedRegion(length: Self.size, least: Self.leastSize)
    let base = region.base
    func word(_ line: Int) -> UnsafeMutableRawPointer { base + 64 * line }
    requests = LaneRing(
      base: base + 4096, size: Self.ringSize, tail: SharedWord(at: word(0)), head: SharedWord(at: word(2)))
    replies = LaneRing(
      base: base + 4096 + Self.ringSize, size: Self.ringSize, tail: SharedWord(at: word(4)),
      head: SharedWord(at: word(6)))
    workerSleeps = LaneFlag(at: word(8))
    workerWantsRoom = LaneFlag(at: word(10))
    begun = SharedWord(at: word(12))
    growing = SharedWord(at: word(14))
    usesBlocks = SharedWord(at: word(16))
    // The rings are written to without asking for memory.
    try region.reserve(0..<Self.blocksAt)
  }

  /// Where the blocks for long replies may lie.
  package var blocks: Range<Int> { Self.blocksAt..<region.length }

  package func requestWriter() -> LaneWriter { LaneWriter(requests) }
  package func requestReader() -> LaneReader { LaneReader(requests) }
  package func replyWriter() -> LaneWriter { LaneWriter(replies) }
  package func replyReader() -> LaneReader { LaneReader(replies) }

  // MARK: The parent's side

  /// Makes it as good as new. The worker is dead.
  func reset() {
    for word in [requests.tail, requests.head, replies.tail, replies.head, begun, growing] { word.publish(0) }
    workerSleeps.lower()
    workerWantsRoom.lower()
    if usesBlocks.observe() != 0 { region.release(blocks) }
    usesBlocks.publish(0)
  }

  /// After a request was written.
  package func wakeWorker() { if workerSleeps.takeDown() { workerSleeps.wake() } }

  /// After replies were let go of.
  package func tellOfRoom() { if workerWantsRoom.takeDown() { workerWantsRoom.wake() } }

  // MARK: The worker's side

  /// Puts memory behind a block.
  package func reserve(_ block: Range<Int>) throws(SystemFailure) {
    usesBlocks.publish(1)
    try region.reserve(block)
  }

  /// Sleeps until something may be there. `isThere` is asked again and again.
  package static func wait(_ flag: LaneFlag, _ isThere: () -> Bool) {
    while true {
      flag.raise()
      if isThere() { break }
      flag.sleep()
    }
    flag.lower()
  }
}
