import CMultiprocessing
import Synchronization

/// Wakes a thread of this process.
final class Doorbell: @unchecked Sendable {
  // Sendable: the word is touched by atomic operations alone. Behind a pointer, because the address that the kernel sleeps on must
  // never move.
  private let word: UnsafeMutablePointer<Atomic<UInt32>>

  init() {
    word = .allocate(capacity: 1)
    word.initialize(to: Atomic(0))
  }

  deinit {
    word.deinitialize(count: 1)
    word.deallocate()
  }

  /// How often it was rung. Acquiring: what was written before that can be read after this.
  var rings: UInt32 { word.pointee.load(ordering: .acquiring) }

  func ring() {
    word.pointee.wrappingAdd(1, ordering: .releasing)
    _ = mp_futex_wake(word, .max)
  }

  /// Sleeps until it is rung after `rings` times; may return early.
  func wait(after rings: UInt32, nanoseconds: Int64 = -1) { _ = mp_futex_wait(word, rings, nanoseconds) }

  func asWord(after rings: UInt32) -> mp_word { mp_word_make(word, rings, true) }
}
