/// Which blocks of a region are in use: whole pages, the lowest place first. Free places remember whether memory lies behind them, so that
/// what follows a burst finds memory that is there already, and the rest goes back to the system.
package struct BlockMap {
  private struct Gap {
    var place: Range<Int>
    /// Whether there is memory behind it.
    let isBacked: Bool
  }

  package struct Block: Equatable, Sendable {
    package let place: Range<Int>
    /// Whether memory has yet to be put behind it.
    package let needsMemory: Bool
  }

  /// How much free memory is kept.
  private let kept: Int
  private let page: Int
  /// In the order of their places; neighbours of one kind are one.
  private var gaps: [Gap]
  private var backedBytes = 0

  package init(_ place: Range<Int>, keeping kept: Int, page: Int) {
    self.kept = kept
    self.page = page
    gaps = [Gap(place: place, isBacked: false)]
  }

  package var freeBytes: Int { gaps.reduce(0) { $0 + $1.place.count } }
  package var gapCount: Int { gaps.count }

  /// A block of at least `length` bytes; nil when there is no room.
  package mutating func take(_ length: Int) -> Block? {
    guard length <= Int.max - page else { return nil }
    let length = (max(length, 1) + page - 1) / page * page
    for isBacked in [true, false] {
      guard let index = gaps.firstIndex(where: { $0.isBacked == isBacked && $0.place.count >= length }) else {
        continue
      }
      let start = gaps[index].place.lowerBound
      if gaps[index].place.count == length {
        gaps.remove(at: index)
      } else {
        gaps[index].place = start + length..<gaps[index].place.upperBound
      }
      if isBacked { backedBytes -= length }
      return Block(place: start..<start + length, needsMemory: !isBacked)
    }
    return nil
  }

  /// Whether the memory behind a block had better go back to the system when the block is freed.
  package func wouldSpare(_ block: Block) -> Bool { backedBytes + block.place.count > kept }

  /// Frees a block, whose memory may be gone.
  package mutating func giveBack(_ block: Block, hasMemory: Bool) {
    if hasMemory { backedBytes += block.place.count }
    insert(Gap(place: block.place, isBacked: hasMemory))
  }

  private mutating func insert(_ gap: Gap) {
    var gap = gap
    var index = gaps.firstIndex { $0.place.lowerBound > gap.place.lowerBound } ?? gaps.count
    if index < gaps.count, gaps[index].isBacked == gap.isBacked, gaps[index].place.lowerBound == gap.place.upperBound {
      gap.place = gap.place.lowerBound..<gaps[index].place.upperBound
      gaps.remove(at: index)
    }
    if index > 0, gaps[index - 1].isBacked == gap.isBacked, gaps[index - 1].place.upperBound == gap.place.lowerBound {
      index -= 1
      gaps[index].place = gaps[index].place.lowerBound..<gap.place.upperBound
    } else {
      gaps.insert(gap, at: index)
    }
  }
}
