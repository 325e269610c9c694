import CMultiprocessing
import Glibc

/// A lock that its user holds beyond the call: a robust mutex, and beside it what its holders know of one another.
///
///     0   mutex
///     40  death  1: a holder died, and nobody has declared what the lock guards whole since
///     48  depth  how often the holder has taken it
///
/// At the beginning of a segment that is marked as beginning with a mutex: it stays mapped as long as it is held.
package struct OwnedLock: @unchecked Sendable {
  // Sendable: the memory is touched through the mutex and the words. One pointer, for speed.
  private let address: UnsafeMutableRawPointer
  var mutex: RobustMutex { RobustMutex(at: address) }
  private var death: SharedNumber { SharedNumber(at: address + 40) }
  private var depth: SharedNumber { SharedNumber(at: address + 48) }

  package static let size = 64

  package init(at address: UnsafeMutableRawPointer) { self.address = address }

  package static func make(at address: UnsafeMutableRawPointer) throws(SystemFailure) -> OwnedLock {
    _ = try RobustMutex.make(at: address)
    return OwnedLock(at: address)
  }

  package enum Acquisition: Equatable, Sendable {
    case acquired
    case outOfTime
    /// The calling thread holds it already.
    case alreadyHeld
  }

  package enum Release: Equatable, Sendable {
    case released
    /// Another thread holds it, of this process or of another one.
    case notOwner
    /// Nobody holds it.
    case notHeld
  }

  /// Takes the lock, waiting for it as long as need be. False when it is not to be had in this way: `acquire(until:)` says why.
  package func take() -> Bool {
    guard !Tracing.isOn, let taking = try? mutex.lock() else { return false }
    note(taking)
    return true
  }

  /// Waits for the lock. `alreadyHeld` is answered at once.
  package func acquire(until deadline: Deadline) throws(SystemFailure) -> Acquisition {
    do throws(SystemFailure) {
      guard let taking = try mutex.lockVisibly(until: deadline, "lock") else { return .outOfTime }
      note(taking)
      return .acquired
    } catch {
      guard error.errno == EDEADLK else { throw error }
      return .alreadyHeld
    }
  }

  /// False when somebody holds it, the calling thread included.
  package func tryAcquire() throws(SystemFailure) -> Bool {
    guard let taking = try mutex.tryLock() else { return false }
    note(taking)
    return true
  }

  package func release() -> Release {
    mutex.unlock() ? .released : releaseKept()
  }

  package var isHeldByThisThread: Bool { mutex.isHeldByThisThread }

  /// Before the lock is anybody else's again, so that whoever holds it knows.
  func note(_ taking: RobustMutex.Taking) {
    guard taking == .takenFromTheDead else { return }
    death.value = 1
    depth.value = 0
  }

  // MARK: What the holders know

  package var previousOwnerDied: Bool { death.value != 0 }
  package func markConsistent() { death.value = 0 }

  // MARK: Taking it several times

  /// As `acquire`, or once more for the thread that holds it. Throws EOVERFLOW for once too often.
  package func acquireAgain(until deadline: Deadline) throws(SystemFailure) -> Acquisition {
    let acquisition = try acquire(until: deadline)
    guard acquisition == .alreadyHeld else { return acquisition }
    try deepen()
    return .acquired
  }

  /// As `tryAcquire`, or once more for the thread that holds it.
  package func tryAcquireAgain() throws(SystemFailure) -> Bool {
    if try tryAcquire() { return true }
    guard isHeldByThisThread else { return false }
    try deepen()
    return true
  }

  private func deepen() throws(SystemFailure) {
    // The times beyond the first.
    let (times, isTooOften) = depth.value.addingReportingOverflow(1)
    guard !isTooOften else { throw SystemFailure("take a lock once more", errno: EOVERFLOW) }
    depth.value = times
  }

  /// Undoes one `acquireAgain`.
  package func releaseOnce() -> Release {
    guard depth.value > 0, isHeldByThisThread else { return release() }
    depth.value -= 1
    return .released
  }
}
