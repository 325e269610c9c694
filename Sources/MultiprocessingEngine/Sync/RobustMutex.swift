import CMultiprocessing
import Glibc

/// A mutex in shared memory that survives the death of its holder, between processes and between threads alike.
///
/// A view: the memory belongs to the segment, whoever keeps the view keeps the segment.
package struct RobustMutex: @unchecked Sendable {
  // Sendable: the memory is touched by the functions of mp_mutex.h alone, from any thread.
  private let mutex: UnsafeMutableRawPointer

  package static let size = Int(MP_MUTEX_SIZE)
  package static let alignment = Int(MP_MUTEX_ALIGNMENT)

  /// A mutex that somebody has initialised at `address`.
  package init(at address: UnsafeMutableRawPointer) { mutex = address }

  /// Makes a mutex in zeroed memory that nobody else sees yet.
  package static func make(at address: UnsafeMutableRawPointer) throws(SystemFailure) -> RobustMutex {
    let fault = Fault.check(MP_CALL_MUTEX)
    let error = fault == 0 ? mp_mutex_init(address) : -fault
    if error < 0 { throw SystemFailure("make a mutex", errno: -error) }
    return RobustMutex(at: address)
  }

  /// How a mutex was had.
  package enum Taking: Equatable, Sendable {
    case taken
    /// The former holder died with it: what it guards may be half done, and is the caller's to mend. If the caller dies before it
    /// unlocks, the next one is told the same.
    case takenFromTheDead
  }

  /// Throws EDEADLK when the calling thread holds it.
  package func lock() throws(SystemFailure) -> Taking {
    KillPoint.pass()
    return try Self.taking(mp_mutex_lock(mutex))
  }

  /// The same for a mutex that is held for long, so that waiting for it tells something; a wait of its own in a trace.
  package func lockVisibly(until deadline: Deadline, _ name: StaticString) throws(SystemFailure) -> Taking? {
    if Tracing.isOn, !isHeldByThisThread {
      if let taking = try tryLock() { return taking }
      let span = Tracing.wait("\(name)")
      defer { span.end() }
      return try lock(until: deadline)
    }
    return try lock(until: deadline)
  }

  /// nil when `deadline` comes first. Throws EDEADLK, at once, when the calling thread holds it.
  package func lock(until deadline: Deadline) throws(SystemFailure) -> Taking? {
    guard let instant = deadline.instant else { return try lock() }
    KillPoint.pass()
    let answer = mp_mutex_lock_until(mutex, instant)
    return answer == -ETIMEDOUT ? nil : try Self.taking(answer)
  }

  /// For a mutex that is only ever held for moments: what holds it up is no reason to run out of time, unless its holder was
  /// stopped (SIGSTOP). Then the wait ends, with nil, a second after `deadline` at the latest.
  package func lockBriefly(until deadline: Deadline) throws(SystemFailure) -> Taking? {
    if deadline.isNever { return try lock() }
    if let taking = try tryLock() { return taking }
    return try lock(until: deadline.later(by: .seconds(1)))
  }

  /// For a task, whose thread others need: nil when it cannot be had within a moment, one that a busy machine's holder takes as well.
  package func lockInTask() throws(SystemFailure) -> Taking? {
    if let taking = try tryLock() { return taking }
    return try lock(until: Deadline(after: .milliseconds(50)))
  }

  /// nil when somebody holds it, the calling thread included.
  package func tryLock() throws(SystemFailure) -> Taking? {
    KillPoint.pass()
    let answer = mp_mutex_try(mutex)
    return answer == -EBUSY ? nil : try Self.taking(answer)
  }

  /// False when another thread holds it, or nobody.
  @discardableResult
  package func unlock() -> Bool {
    KillPoint.pass()
    return mp_mutex_unlock(mutex) == 0
  }

  /// Runs `body` while holding it. For state that is whole after each of its writes, so that it does not matter who died with it.
  package func withLock<Result>(
    _ body: () throws(SystemFailure) -> Result
  ) throws(SystemFailure) -> Result {
    _ = try lock()
    defer { unlock() }
    return try body()
  }

  /// The same where there is no error to throw: the one that can come says that this very thread holds it, and is in the handler
  /// of a signal that interrupted it.
  package func withLockOrHeld(_ body: () -> Void) {
    let isTaken = (try? lock()) != nil
    body()
    if isTaken { unlock() }
  }

  /// Whether nobody holds it at the moment, or the holder has died.
  package var isFree: Bool { mp_mutex_holder(mutex) == 0 }
  package var isHeldByThisThread: Bool { mp_mutex_holder(mutex) == mp_gettid() }
  /// The thread that holds it at the moment, 0 when none does or it has died.
  var holder: Int32 { mp_mutex_holder(mutex) }
  /// Memory with such a mutex in it must stay mapped: the kernel walks it at the holder's end.
  package var isHeldByThisProcess: Bool { mp_mutex_is_held_here(mutex) }

  private static func taking(_ answer: Int32) throws(SystemFailure) -> Taking {
    if answer == 0 { return .taken }
    if answer == Int32(MP_MUTEX_OWNER_DIED) { return .takenFromTheDead }
    throw SystemFailure("lock a mutex", errno: -answer)
  }

  // MARK: Without waiting in it

  /// Announces a sleep to whoever holds it. nil when nobody does.
  func announceSleep(lookAgain: Deadline) -> KeptSleep? {
    KillPoint.pass()
    var value: UInt32 = 0
    guard mp_mutex_await(mutex, &value) else { return nil }
    return KeptSleep(on: mp_mutex_word(mutex), while: value, lookAgain: lookAgain)
  }

  /// For the holder, who has slept: others may still.
  func expectSleepers() { mp_mutex_expect_sleepers(mutex) }

  /// Wakes one who sleeps, in the place of the one who calls and does not want the mutex any more.
  func passOnWakeUp() { mp_mutex_wake(mutex) }
}
