import Glibc

/// The getting side of a queue's memory. Every call is made by the holder of the head's mutex.
///
/// What is in memory if the process dies
/// - before `commit`: the head has not moved; the next reader gets the same element.
/// - while a block is left: its memory was given back, or was not; the head is at its end, where nothing is left to be read, and the
///   next reader gives it back once more.
/// - after `commit`: the element was taken, and is the dead reader's.
struct QueueReader {
  private let segment: SharedSegment
  private let base: UnsafeMutableRawPointer
  private let area: Int
  private let tail: QueueCursor
  private let head: QueueCursor
  private let blocks: QueueBlocks

  init(_ segment: SharedSegment, area: Int) {
    self.segment = segment
    self.area = area
    base = segment.contents
    tail = QueueCursor(at: base + QueueLayout.tail)
    head = QueueCursor(at: base + QueueLayout.head)
    blocks = QueueBlocks(base: base)
  }

  private var tailSeen: SharedWord { SharedWord(at: base + QueueLayout.tailSeen) }

  struct Found {
    /// In shared memory: to be copied before `commit`.
    let element: UnsafeRawBufferPointer
    let after: QueueProgress
    /// The block holds nothing else, and is one that an empty queue should not keep.
    let mayShrink: Bool
  }

  /// The first element; nil when there is none. Throws EBADMSG when the memory holds none of ours.
  func first() throws(SystemFailure) -> Found? {
    var progress = head.own
    while true {
      let position = progress.position
      guard let end = unreadEnd(of: position) else {
        guard leaveBlock(&progress) else { return nil }
        continue
      }
      let block = blocks[position.block]
      guard block.start >= 0, block.size > 0, block.start <= area - block.size else { throw Self.corrupt }
      var offset = position.offset
      var record = try self.record(in: block, at: offset)
      if record.length == nil {
        offset += block.size - offset % block.size
        record = try self.record(in: block, at: offset)
      }
      guard let length = record.length,
        block.address(of: offset) + QueueRecord.size(ofElement: length) <= block.range.upperBound
      else { throw Self.corrupt }
      let after = QueuePosition(block: position.block, offset: offset + QueueRecord.size(ofElement: length))
      let start = base + QueueLayout.area + block.address(of: offset) + QueueRecord.headerSize
      return Found(
        element: UnsafeRawBufferPointer(start: start, count: length),
        after: QueueProgress(position: after, count: progress.count &+ 1),
        mayShrink: !block.isRing && after.offset == end)
    }
  }

  func commit(_ progress: QueueProgress) { head.commit(progress) }

  /// Gives back the blocks behind which the tail has moved on.
  func leaveBlocks() {
    var progress = head.own
    while unreadEnd(of: progress.position) == nil, leaveBlock(&progress) {}
  }

  /// Where the records of the position's block end; nil when none lies behind the position.
  private func unreadEnd(of position: QueuePosition) -> Int? {
    let seen = QueuePosition(bits: tailSeen.value)
    if seen.block == position.block, seen.offset > position.offset { return seen.offset }
    let tail = self.tail.observe().position
    tailSeen.value = tail.bits
    let end = tail.block == position.block ? tail.offset : blocks.end(of: position.block)
    return end > position.offset ? end : nil
  }

  /// Moves the head from the end of a block into the next one; false when the tail is still there.
  private func leaveBlock(_ progress: inout QueueProgress) -> Bool {
    let number = progress.position.block
    guard QueuePosition(bits: tailSeen.value).block != number else { return false }
    let block = blocks[number]
    // First the memory, then the head: once the head has moved, a writer may use the place again.
    KillPoint.pass()
    // A system that cannot take memory back keeps it; the place is used again all the same.
    try? segment.release(QueueLayout.area + block.start..<QueueLayout.area + block.start + block.size)
    progress.position = QueuePosition(block: number &+ 1, offset: 0)
    head.commit(progress)
    return true
  }

  private func record(in block: QueueBlock, at offset: Int) throws(SystemFailure) -> QueueRecord {
    let address = block.address(of: offset)
    guard address % 8 == 0, address + QueueRecord.headerSize <= area,
      let record = QueueRecord(header: SharedWord(at: base + QueueLayout.area + address).value)
    else { throw Self.corrupt }
    return record
  }

  private static let corrupt = SystemFailure("read an element of a queue: its memory is damaged", errno: EBADMSG)
}
