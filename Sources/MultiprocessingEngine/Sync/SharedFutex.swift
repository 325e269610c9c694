import CMultiprocessing
import Glibc
import Synchronization

/// A counter in shared memory on which processes sleep until it moves on.
///
/// Meant for waiting on what a mutex guards. The waiter reads `now` while it holds the mutex, lets go of it, and sleeps;
/// whoever changes the state calls `advance` while holding the mutex, *ahead* of the change. A waiter woken in between meets
/// the mutex, and so either the change or, should its maker have died before it, the mutex of the dead: no moment is left in
/// which a kill could lose the wake-up.
package struct SharedFutex: @unchecked Sendable {
  // Sendable: the memory is touched by atomic operations alone.
  private let word: UnsafeMutablePointer<Atomic<UInt32>>

  package static let size = 4

  /// A view of four bytes that were zero before anybody waited.
  package init(at address: UnsafeMutableRawPointer) {
    // An `Atomic<UInt32>` is laid out as its value, and needs no initialising beyond the zeroes of the segment.
    word = address.assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// To be read under the mutex that guards the state; hence relaxed.
  package var now: UInt32 { word.pointee.load(ordering: .relaxed) }

  /// Sleeps until the counter has left `seen`; returns early now and then, for no reason. False when `deadline` has passed.
  package func wait(while seen: UInt32, until deadline: Deadline) -> Bool {
    let left = deadline.nanoseconds
    if left == 0 { return false }
    KillPoint.pass()
    return mp_shared_futex_wait(word, seen, left) != -ETIMEDOUT
  }

  /// The same sleep for one who does not block in it.
  package func sleep(while seen: UInt32, lookAgain: Deadline = .never) -> KeptSleep {
    KeptSleep(on: word, while: seen, lookAgain: lookAgain)
  }

  /// Moves the counter on and wakes up to `count` sleepers. The mutex orders it; hence relaxed.
  package func advance(waking count: Int32 = .max) {
    KillPoint.pass()
    word.pointee.wrappingAdd(1, ordering: .relaxed)
    KillPoint.pass()
    _ = mp_shared_futex_wake(word, count)
  }
}
