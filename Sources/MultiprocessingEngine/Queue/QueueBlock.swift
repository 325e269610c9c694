/// A stretch of a queue's area that records are written into.
///
/// A small block is a ring: its size is a power of two, and what was read makes room. A large one is written once from its
/// beginning to its end and then left behind, so that the memory of a burst goes back to the system while it is read.
struct QueueBlock: Equatable {
  /// The offset in the area; a multiple of a page's size.
  var start: Int
  /// In bytes.
  var size: Int

  /// The first block of a queue, and of one that has calmed down.
  static let smallest = 64 << 10
  /// The largest ring, and with it the memory that an empty queue may keep.
  static let largestRing = 4 << 20
  private static let page = 4096

  var range: Range<Int> { start..<start + size }
  var isRing: Bool { size <= Self.largestRing }

  /// Where a record of `length` bytes that begins no earlier than at `offset` goes; nil when it does not fit as long as what
  /// was written from `unread` on has not been read. A record lies in one piece: one that would cross a ring's end begins anew.
  func place(_ length: Int, at offset: Int, unread: Int) -> (offset: Int, skipped: Int)? {
    guard offset <= QueuePosition.lastOffset else { return nil }
    guard isRing else { return length <= size - offset ? (offset, 0) : nil }
    let room = size - offset % size
    let skipped = length <= room ? 0 : room
    return offset + skipped + length - unread <= size ? (offset + skipped, skipped) : nil
  }

  /// The offset in the area of what lies at `offset` in the block.
  func address(of offset: Int) -> Int { start + (isRing ? offset % size : offset) }

  /// The sizes to try for the block that follows, the best first. It has to take a record of `length` bytes; `unread` are those
  /// that wait in this one. nil when a record is longer than the area allows.
  func sizesOfNext(taking length: Int, unread: Int, area: Int) -> [Int] {
    let keepsUp = unread <= size / 4
    let wanted = max(keepsUp ? Self.smallest : min(size * 2, area / 8), length)
    let least = max(Self.smallest, length)
    return [wanted, least].map { size in
      if size > Self.largestRing { return (size + Self.page - 1) / Self.page * Self.page }
      var ring = Self.smallest
      while ring < size { ring *= 2 }
      return ring
    }
  }

  /// The place for a block of `size` bytes behind this one, the last of a row that begins with `first`, in an area that comes
  /// round; nil when there is none.
  func placeOfNext(_ size: Int, first: QueueBlock, area: Int) -> QueueBlock? {
    let end = start + self.size
    let wrapped = start < first.start
    if end + size <= (wrapped ? first.start : area) { return QueueBlock(start: end, size: size) }
    return !wrapped && size <= first.start ? QueueBlock(start: 0, size: size) : nil
  }
}
