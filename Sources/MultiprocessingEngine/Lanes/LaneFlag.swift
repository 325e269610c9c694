import CMultiprocessing
import Synchronization

/// Tells a process that sleeps for something that it has come: one word in shared memory.
///
/// Who waits raises the flag, looks once more, and sleeps while it is up. Who brings something looks at the flag afterwards, and whoever takes it
/// down wakes the sleeper. The fences make sure that one of both sees the other's store.
package struct LaneFlag: @unchecked Sendable {
  // Sendable: the memory is touched by atomic operations alone.
  private let word: UnsafeMutablePointer<Atomic<UInt32>>

  package static let size = 4

  /// A view of four bytes that were zero at the beginning.
  package init(at address: UnsafeMutableRawPointer) {
    word = address.assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// Announces a wait; what is waited for has to be looked for once more after this.
  package func raise() {
    KillPoint.pass()
    word.pointee.store(1, ordering: .relaxed)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  /// Takes it down: nobody waits any more.
  package func lower() {
    KillPoint.pass()
    word.pointee.store(0, ordering: .relaxed)
  }

  /// To be asked after bringing what may be waited for: true for the one who has to wake the sleeper.
  package func takeDown() -> Bool {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard word.pointee.load(ordering: .relaxed) != 0 else { return false }
    KillPoint.pass()
    return word.pointee.exchange(0, ordering: .relaxed) != 0
  }

  package var isRaised: Bool { word.pointee.load(ordering: .relaxed) != 0 }

  /// Sleeps while it is up; returns early now and then, for no reason.
  package func sleep() {
    KillPoint.pass()
    _ = mp_shared_futex_wait(word, 1, -1)
  }

  /// Wakes the one that sleeps on it, if it is down.
  package func wake() {
    KillPoint.pass()
    _ = mp_shared_futex_wake(word, 1)
  }
}
