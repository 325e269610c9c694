import CMultiprocessing

/// The wait of a task for a lock. The keeper holds it from then on, for the process: no thread could be said to.
package final class LockWait: KeptWait, @unchecked Sendable {
  // Sendable: made by one thread, and used by its keeper's alone from then on.
  private let lock: OwnedLock
  private var mutex: KeptMutex
  private let owner: AnyObject

  /// - Parameter owner: keeps the memory mapped.
  package init(_ lock: OwnedLock, of owner: some AnyObject & Sendable) {
    self.lock = lock
    self.owner = owner
    mutex = KeptMutex(lock.mutex)
  }

  package func step() throws(SystemFailure) -> KeptStep {
    switch try mutex.attempt() {
    case .busy(let sleep): return .asleep(sleep)
    case .taken(let taking):
      lock.note(taking)
      return .over
    }
  }

  package func giveUp() -> KeptStep {
    mutex.leave()
    return .over
  }
}

// A lock that is held by a keeper belongs to its process: each of its threads may do what a holder may.
extension OwnedLock {
  private var keeper: Keeper? { Keeper.with(threadID: mutex.holder) }

  /// Whether a task of this process has acquired it.
  package var isKept: Bool { keeper != nil }

  /// Whether the calling thread may use it as its holder.
  package var isHeldHere: Bool { isHeldByThisThread || isKept }

  @inline(never)
  func releaseKept() -> Release {
    if let keeper {
      let isReleased = ForkAwareLock(false)
      let mutex = self.mutex
      keeper.perform {
        let isUnlocked = mutex.unlock()
        isReleased.withLock { $0 = isUnlocked }
      }
      if isReleased.withLock({ $0 }) { return .released }
    }
    return mutex.isFree ? .notHeld : .notOwner
  }

  /// Releases it soon, without a wait: for a keeper, who must not wait for another one.
  func releaseSoon() {
    if mutex.unlock() { return }
    let mutex = self.mutex
    keeper?.post { mutex.unlock() }
  }
}
