/// A place in a queue: the number of a block, and how many bytes have gone into it ahead of the place.
///
/// Packed into one word. A block's number has 16 bits, which come round; no more than `QueueBlocks.most` follow one another.
struct QueuePosition: Equatable {
  let bits: UInt64

  private static let offsetBits: UInt64 = 48
  /// Past it, a block takes no more: the offset must never run into the number.
  static let lastOffset = 1 << 47

  init(bits: UInt64) { self.bits = bits }

  init(block: UInt16, offset: Int) {
    bits = UInt64(block) << Self.offsetBits | UInt64(truncatingIfNeeded: offset) & (1 << Self.offsetBits - 1)
  }

  var block: UInt16 { UInt16(truncatingIfNeeded: bits >> Self.offsetBits) }
  var offset: Int { Int(bits & (1 << Self.offsetBits - 1)) }

  func advanced(by count: Int) -> QueuePosition { QueuePosition(block: block, offset: offset + count) }
}

/// How far one side of a queue has come: the place, and the elements that have passed it since the queue was made.
struct QueueProgress: Equatable {
  var position: QueuePosition
  var count: UInt64
}
