import Glibc

/// Blocks of shared memory, taken and given back in the process that made the arena; its children read and write what they are told of.
package final class SharedArena: Sendable {
  /// Free memory beyond this much goes back to the system.
  private static let kept = 32 << 20
  /// Address space; halved where the system refuses.
  private static let size = 1 << 36
  private static let leastSize = 1 << 24

  package let region: SharedRegion
  private let map: ForkAwareLock<BlockMap>

  /// The first `reserved` bytes are nobody's block, and have memory.
  package init(reserving reserved: Int) throws(SystemFailure) {
    region = try SharedRegion(length: Self.size, least: Self.leastSize)
    let page = SharedRegion.pageSize
    let start = (reserved + page - 1) / page * page
    map = ForkAwareLock(BlockMap(start..<region.length, keeping: Self.kept, page: page))
    if start > 0 { try region.reserve(0..<start) }
  }

  /// A block with memory behind all of it.
  package func take(_ length: Int) throws(SystemFailure) -> SharedBlock {
    guard let block = map.withLock({ $0.take(length) }) else {
      throw SystemFailure("find room for \(length) bytes of shared memory", errno: ENOMEM)
    }
    if block.needsMemory {
      do throws(SystemFailure) {
        try region.reserve(block.place)
      } catch {
        // Some of it may have come.
        region.release(block.place)
        map.withLock { $0.giveBack(block, hasMemory: false) }
        throw error
      }
    }
    return SharedBlock(block, of: self)
  }

  fileprivate func giveBack(_ block: BlockMap.Block) {
    guard region.isOfThisProcess else { return }
    // Given back to the system while it is still nobody else's.
    let isSurplus = map.withLock { $0.wouldSpare(block) }
    if isSurplus { region.release(block.place) }
    map.withLock { $0.giveBack(block, hasMemory: !isSurplus) }
  }

  package var freeBytes: Int { map.withLock { $0.freeBytes } }
}

/// A block of an arena; given back with its last reference.
package final class SharedBlock: Sendable {
  private let block: BlockMap.Block
  private let arena: SharedArena

  fileprivate init(_ block: BlockMap.Block, of arena: SharedArena) {
    self.block = block
    self.arena = arena
  }

  deinit { arena.giveBack(block) }

  /// Where it begins, from the beginning of the arena's region.
  package var offset: Int { block.place.lowerBound }
  package var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: arena.region.base + block.place.lowerBound, count: block.place.count)
  }
}
