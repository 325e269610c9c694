import CMultiprocessing
import Glibc
import Synchronization

/// How a thread looks for a moment for what another process is about to bring, before it sleeps.
///
/// The other one may run at the same time, and then needs a fraction of a microsecond; or it may wait for this very processor, and then needs to be
/// given it. A thread of somebody else's may have use for the processor too, and keep it for milliseconds: for a while after that it is not given away.
package enum ShortLook {
  /// When the processor may be given away again, by the monotonic clock.
  private static let yieldsAgain = Atomic<UInt64>(0)
  /// All in nanoseconds.
  private static let spinning: UInt64 = 1_000
  private static let spinningAlone: UInt64 = 5_000
  private static let longYield: UInt64 = 100_000
  /// For how many times as long as that the processor is kept afterwards.
  private static let pause: UInt64 = 20

  /// Whether it came. Looks for no longer than `nanoseconds`, and for less when the processor is wanted by others.
  package static func look(for nanoseconds: UInt64, _ isThere: () -> Bool) -> Bool {
    let start = monotonicNanoseconds()
    while true {
      for _ in 0..<8 {
        if isThere() { return true }
        mp_relax()
      }
      let now = monotonicNanoseconds()
      let waited = now - start
      if waited >= nanoseconds { return false }
      if waited < spinning { continue }
      // Relaxed: any thread's guess is as good as another's.
      if now < yieldsAgain.load(ordering: .relaxed) {
        if waited >= spinningAlone { return false }
        continue
      }
      sched_yield()
      let end = monotonicNanoseconds()
      if end - now > longYield { yieldsAgain.store(end + pause * (end - now), ordering: .relaxed) }
    }
  }
}
