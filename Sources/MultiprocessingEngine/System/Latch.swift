import CMultiprocessing
import Synchronization

/// Something that happens once in this process, and the threads that wait for it.
///
/// Whatever a fork finds here is whole: one word, which no thread holds. A latch that the parent has not opened by then stays closed in
/// the child, where nobody is left to open it.
package final class Latch: @unchecked Sendable {
  // Sendable: touched by atomic operations alone. Behind a pointer, because the address that the kernel sleeps on must never move.
  private let word: UnsafeMutablePointer<Atomic<UInt32>>

  private static var closed: UInt32 { 0 }
  /// Closed, and somebody may be asleep on it.
  private static var awaited: UInt32 { 1 }
  private static var opened: UInt32 { 2 }

  package init() {
    word = .allocate(capacity: 1)
    word.initialize(to: Atomic(Self.closed))
  }

  deinit {
    word.deinitialize(count: 1)
    word.deallocate()
  }

  /// Who sees it open sees what was written ahead of `open()`.
  package var isOpen: Bool { word.pointee.load(ordering: .acquiring) == Self.opened }

  /// Lets everybody go on, now and later. To open it again does nothing.
  package func open() {
    // Releasing, for whoever sees it open. The object outlives the call, and so does the word for the waker.
    guard word.pointee.exchange(Self.opened, ordering: .releasing) == Self.awaited else { return }
    _ = mp_futex_wake(word, .max)
  }

  /// Blocks until it is open; false when `deadline` comes first.
  package func wait(until deadline: Deadline) -> Bool {
    while !isOpen {
      let left = deadline.nanoseconds
      if left == 0 { return false }
      let (announced, seen) = word.pointee.compareExchange(
        expected: Self.closed, desired: Self.awaited, ordering: .relaxed)
      // Wakes early when interrupted or when the word has changed; the loop looks again either way.
      if announced || seen == Self.awaited { _ = mp_futex_wait(word, Self.awaited, left) }
    }
    return true
  }
}
