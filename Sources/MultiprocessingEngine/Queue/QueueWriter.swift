import Glibc

/// The putting side of a queue's memory. Every call is made by the holder of the tail's mutex.
///
/// What is in memory if the process dies
/// - before `commit`: the tail has not moved, and what was written behind it is no element. The next writer writes over it.
/// - while a block is added: its entry and the end of the old one mean nothing before the tail is in it, and the next writer takes
///   the same place for it. Memory that was reserved there goes back when the next writer takes the mutex from the dead.
/// - after `commit`: the element is in the queue.
struct QueueWriter {
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

  private var headSeen: SharedWord { SharedWord(at: base + QueueLayout.headSeen) }
  private var headCountSeen: SharedWord { SharedWord(at: base + QueueLayout.headCountSeen) }

  /// The longest element.
  var longest: Int { area / 8 - QueueRecord.headerSize }

  /// Whether `capacity` elements wait.
  func isFull(capacity: UInt64) -> Bool {
    let count = tail.own.count
    guard count &- headCountSeen.value >= capacity else { return false }
    return count &- look().count >= capacity
  }

  /// Where the readers are now.
  private func look() -> QueueProgress {
    let progress = head.observe()
    headSeen.value = progress.position.bits
    headCountSeen.value = progress.count
    return progress
  }

  /// Writes a record behind the tail; the tail's progress once it is committed. Throws ENOSPC and its kin when there is no memory,
  /// and leaves the queue as it was.
  func write(_ element: UnsafeRawBufferPointer) throws(SystemFailure) -> QueueProgress {
    let progress = tail.own
    let position = progress.position
    let size = QueueRecord.size(ofElement: element.count)
    let block = blocks[position.block]
    var unread = firstUnread(QueuePosition(bits: headSeen.value), in: position.block)
    var place = block.place(size, at: position.offset, unread: unread)
    if place == nil {
      unread = firstUnread(look().position, in: position.block)
      place = block.place(size, at: position.offset, unread: unread)
    }
    if let place {
      if place.skipped > 0 { write(QueueRecord(length: nil), at: block.address(of: position.offset)) }
      return fill(block, place.offset, element, after: progress, in: position.block)
    }
    let sizes = block.sizesOfNext(taking: size, unread: position.offset - unread, area: area)
    let next = try addBlock(sizes, after: position)
    return fill(next, 0, element, after: progress, in: position.block &+ 1)
  }

  func commit(_ progress: QueueProgress) { tail.commit(progress) }

  /// When the queue is empty and its block is a large one: the tail's progress in a small block, to be committed, so that the large
  /// one can be left behind.
  func shrunk() -> QueueProgress? {
    let progress = tail.own
    guard !blocks[progress.position.block].isRing, look().count == progress.count else { return nil }
    // Without the memory for a small block the large one stays: nothing is lost by it.
    guard (try? addBlock([QueueBlock.smallest], after: progress.position)) != nil else { return nil }
    return QueueProgress(position: QueuePosition(block: progress.position.block &+ 1, offset: 0), count: progress.count)
  }

  /// Gives back what lies between the last block and the first: a dead writer may have reserved it for a block of its own.
  func releaseFreeMemory() {
    let first = blocks[look().position.block]
    let last = blocks[tail.own.position.block]
    let end = last.start + last.size
    let free = last.start < first.start ? [end..<first.start] : [end..<area, 0..<first.start]
    for range in free where !range.isEmpty {
      KillPoint.pass()
      // What cannot be given back now is used again once a block lies there.
      try? segment.release(QueueLayout.area + range.lowerBound..<QueueLayout.area + range.upperBound)
    }
  }

  /// The offset in the tail's block ahead of which everything has been read.
  private func firstUnread(_ head: QueuePosition, in block: UInt16) -> Int { head.block == block ? head.offset : 0 }

  private func fill(
    _ block: QueueBlock, _ offset: Int, _ element: UnsafeRawBufferPointer, after progress: QueueProgress,
    in number: UInt16
  ) -> QueueProgress {
    let address = block.address(of: offset)
    write(QueueRecord(length: element.count), at: address)
    KillPoint.pass()
    if let bytes = element.baseAddress {
      (base + QueueLayout.area + address + QueueRecord.headerSize).copyMemory(from: bytes, byteCount: element.count)
    }
    return QueueProgress(
      position: QueuePosition(block: number, offset: offset + QueueRecord.size(ofElement: element.count)),
      count: progress.count &+ 1)
  }

  private func write(_ record: QueueRecord, at address: Int) {
    SharedWord(at: base + QueueLayout.area + address).value = record.header
  }

  /// Finds room for a block of the first of `sizes` that there is memory for.
  private func addBlock(_ sizes: [Int], after position: QueuePosition) throws(SystemFailure) -> QueueBlock {
    let first = look().position.block
    let number = position.block &+ 1
    guard number &- first < UInt16(QueueLayout.mostBlocks) else { throw Self.noMemory }
    var failure = Self.noMemory
    for size in sizes {
      guard let block = blocks[position.block].placeOfNext(size, first: blocks[first], area: area) else { continue }
      do throws(SystemFailure) {
        KillPoint.pass()
        try segment.reserve(QueueLayout.area + block.start..<QueueLayout.area + block.start + block.size)
      } catch {
        failure = error
        continue
      }
      blocks.setEnd(of: position.block, position.offset)
      blocks[number] = block
      return block
    }
    throw failure
  }

  private static let noMemory = SystemFailure("put an element into a queue", errno: ENOMEM)
}
