import Glibc
import Synchronization

/// A lock that a fork cannot leave held for ever: it remembers the process of its holder, so that a child takes over what a
/// thread of its parent was holding. For work that takes milliseconds and is rarely contended; a waiter polls.
package struct ForkAwareLock: ~Copyable {
  /// The process whose thread holds the lock, or 0.
  private let holder = Atomic<Int32>(0)

  package init() {}

  package borrowing func withLock<Result>(_ body: () -> Result) -> Result {
    let process = getpid()
    while !tryAcquire(for: process) { usleep(1_000) }
    // Releasing: the next holder, which acquires, sees what this one did.
    defer { holder.store(0, ordering: .releasing) }
    return body()
  }

  private borrowing func tryAcquire(for process: Int32) -> Bool {
    var expected: Int32 = 0
    while true {
      // Acquiring pairs with the release above.
      let (exchanged, current) = holder.compareExchange(
        expected: expected, desired: process, successOrdering: .acquiring, failureOrdering: .relaxed)
      if exchanged { return true }
      if current == process { return false }
      // Free, or held by a thread that stayed behind in the parent.
      expected = current
    }
  }
}
