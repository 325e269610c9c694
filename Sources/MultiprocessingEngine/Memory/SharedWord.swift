import Synchronization

/// A word of eight bytes in shared memory, read and written whole.
package struct SharedWord: @unchecked Sendable {
  // Sendable: the memory is touched by atomic operations alone.
  private let word: UnsafeMutablePointer<Atomic<UInt64>>

  package static let size = 8

  package init(at address: UnsafeMutableRawPointer) {
    // An `Atomic<UInt64>` is laid out as its value, and zeroes are a value of it.
    word = address.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// For what a mutex guards, or where staleness does no harm.
  @inline(__always) package var value: UInt64 {
    get { word.pointee.load(ordering: .relaxed) }
    nonmutating set {
      KillPoint.pass()
      word.pointee.store(newValue, ordering: .relaxed)
    }
  }

  /// Reads a word that announces others: what its writer wrote before `publish` can be read after this.
  @inline(__always) package func observe() -> UInt64 { word.pointee.load(ordering: .acquiring) }

  /// Writes a word that announces what was written before it.
  @inline(__always) package func publish(_ value: UInt64) {
    KillPoint.pass()
    word.pointee.store(value, ordering: .releasing)
  }
}
