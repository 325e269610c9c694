/// A flag that is raised and lowered, and waited for.
///
///     0   mutex   guards what follows
///     64  raised  0 or 1
///     72  times   how often it was raised
///     80  futex
///
/// Who waits goes on once the flag has been raised, though it be lowered again before the waiter gets to see it.
package struct SharedFlag: Sendable {
  private let mutex: RobustMutex
  private let raised: SharedNumber
  private let times: SharedNumber
  private let futex: SharedFutex

  package static let size = 128

  package init(at address: UnsafeMutableRawPointer) {
    mutex = RobustMutex(at: address)
    raised = SharedNumber(at: address + 64)
    times = SharedNumber(at: address + 72)
    futex = SharedFutex(at: address + 80)
  }

  package static func make(at address: UnsafeMutableRawPointer) throws(SystemFailure) -> SharedFlag {
    _ = try RobustMutex.make(at: address)
    return SharedFlag(at: address)
  }

  package var isRaised: Bool { raised.value != 0 }

  package func raise() {
    mutex.withLockOrHeld {
      guard !isRaised else { return }
      futex.advance()
      // In this order: killed in between, the flag is up, and who waits will see it.
      raised.value = 1
      times.value &+= 1
    }
  }

  package func lower() { mutex.withLockOrHeld { raised.value = 0 } }

  /// False when the flag was not raised before `deadline`.
  package func wait(until deadline: Deadline) throws(SystemFailure) -> Bool {
    if isRaised { return true }
    let before = times.value
    let span = Tracing.wait("event")
    defer { span.end() }
    while true {
      guard try mutex.lockBriefly(until: deadline) != nil else { return isRaised || times.value != before }
      let (isOver, seen) = (isRaised || times.value != before, futex.now)
      mutex.unlock()
      if isOver { return true }
      if !futex.wait(while: seen, until: deadline) { return isRaised || times.value != before }
    }
  }

  /// The same wait for a task. `owner` keeps the memory mapped.
  package func raising(of owner: some AnyObject & Sendable) -> GuardedWait {
    let before = times.value
    func isOver() -> Bool { isRaised || times.value != before }
    return GuardedWait(
      mutex, of: owner, until: isOver, look: { _ in isOver() ? nil : futex.sleep(while: futex.now) })
  }
}
