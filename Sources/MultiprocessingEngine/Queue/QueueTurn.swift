import CMultiprocessing
import Synchronization

/// How one side of a queue waits for the other: the holder of the turn alone may sleep.
struct QueueTurn {
  let turn: RobustMutex
  private let futex: SharedFutex
  /// 1 when the holder of the turn may be asleep. Guarded by the other side's mutex.
  private let sleeps: SharedWord

  init(_ turn: RobustMutex, _ futex: SharedFutex, sleeps: SharedWord) {
    self.turn = turn
    self.futex = futex
    self.sleeps = sleeps
  }

  enum Taking { case taken, settled, timedOut }

  /// Waits for the turn. Now and then `settles` is asked whether it is needed any more: its holder may have been stopped (SIGSTOP),
  /// and whom it keeps waiting need not wait for that.
  func take(until deadline: Deadline, unless settles: () throws(SystemFailure) -> Bool) throws(SystemFailure) -> Taking
  {
    while true {
      if try turn.lock(until: deadline.capped(at: Self.patience)) != nil { return .taken }
      if try settles() { return .settled }
      if deadline.hasPassed { return .timedOut }
    }
  }

  private static let patience = Duration.milliseconds(100)

  /// Called with the other side's mutex held, by the holder of the turn, who is about to sleep.
  func announceSleep() -> UInt32 {
    sleeps.value = 1
    return futex.now
  }

  /// The same for one who does not block in it.
  func announceKeptSleep() -> KeptSleep { futex.sleep(while: announceSleep()) }

  /// Called without that mutex. False when `deadline` has passed.
  func sleep(_ seen: UInt32, until deadline: Deadline) -> Bool { futex.wait(while: seen, until: deadline) }

  /// Called by the other side, with its mutex held, before it commits what is waited for.
  func wakeSleeper() {
    guard sleeps.value != 0 else { return }
    futex.advance(waking: 1)
    // Last: should the waker die before it, the next one wakes in vain.
    sleeps.value = 0
  }

  /// Looks for a while before it comes to sleeping; true as soon as `condition` holds. It pays when the other side runs on another
  /// processor and is nearly done.
  func spin(until condition: () -> Bool) -> Bool {
    guard Self.processors > 1 else { return false }
    for _ in 0..<Self.looks {
      if condition() { return true }
      mp_relax()
    }
    return false
  }

  /// A microsecond or two.
  private static let looks = 60
  private static let processors = mp_affinity_count()
}
