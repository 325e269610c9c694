import CMultiprocessing
import Synchronization

/// A value behind a lock that a fork sets free.
///
/// `Synchronization.Mutex` remembers the owner's thread id and cannot be made anew, so one that any thread of the
/// parent held at the fork would stay held in the child for ever. This one stamps the word with the process
/// generation (`mp_generation`): in the child, a stamp of the parent's counts as free.
///
/// Not recursive. Meant for short sections.
package final class ForkAwareLock<Value>: @unchecked Sendable {
  // Sendable: the value is touched by the lock's holder alone. Both lie behind pointers, because the address that the kernel sleeps on
  // must never move, and because what a lock guards needs no checks of exclusive access besides; and apart, because whoever
  // changes the value has nothing to do with the word meanwhile.

  /// 0: free. Else the generation of the holder, shifted, with the two bits below.
  private let word: UnsafeMutablePointer<Atomic<UInt32>>
  private let value: UnsafeMutablePointer<Value>

  private static var locked: UInt32 { 1 }
  /// Somebody may be asleep on the word.
  private static var contended: UInt32 { 2 }

  package init(_ value: Value) {
    word = .allocate(capacity: 1)
    word.initialize(to: Atomic(0))
    self.value = .allocate(capacity: 1)
    self.value.initialize(to: value)
  }

  deinit {
    value.deinitialize(count: 1)
    value.deallocate()
    word.deinitialize(count: 1)
    word.deallocate()
  }

  package func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    lock()
    defer { unlock() }
    return try body(&value.pointee)
  }

  private func lock() {
    let stamp = mp_generation() << 2
    // Acquiring pairs with the release in `unlock`: the holder sees what the one before wrote.
    if word.pointee.compareExchange(
      expected: 0, desired: stamp | Self.locked, successOrdering: .acquiring, failureOrdering: .relaxed
    ).exchanged {
      return
    }
    lockContended(stamp)
  }

  private func lockContended(_ stamp: UInt32) {
    // Whoever has slept takes the lock as contended: others may be asleep still, and one wake-up too many costs little.
    var wanted = stamp | Self.locked
    while true {
      let current = word.pointee.load(ordering: .relaxed)
      let isFree = current == 0 || (current & ~3) != stamp
      if isFree {
        if word.pointee.compareExchange(
          expected: current, desired: wanted, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged {
          return
        }
        continue
      }
      let announced = current | Self.contended
      if current != announced {
        guard
          word.pointee.compareExchange(expected: current, desired: announced, ordering: .relaxed).exchanged
        else { continue }
      }
      // Wakes early when interrupted or when the word has changed; the loop looks again either way.
      _ = mp_futex_wait(word, announced, -1)
      wanted |= Self.contended
    }
  }

  private func unlock() {
    let before = word.pointee.exchange(0, ordering: .releasing)
    if before & Self.contended != 0 { _ = mp_futex_wake(word, 1) }
  }
}
