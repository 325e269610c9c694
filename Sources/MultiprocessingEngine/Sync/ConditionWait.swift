/// The wait of a task for a notification: it lets go of the lock, which a keeper holds for the process, and has it again with its end, by
/// whatever it ends.
package final class ConditionWait: KeptWait, @unchecked Sendable {
  // Sendable: made by one thread, used by its keeper's alone until its end, and looked at after that.
  private let queue: ConditionQueue
  private var mutex: KeptMutex
  private let owner: AnyObject
  private var isGivingUp = false
  private var state = State.entering
  /// nil when nobody in this process held the lock.
  package private(set) var waiting: ConditionQueue.Waiting?

  private enum State {
    case entering
    case asleep(WaiterTable.Waiter, seen: UInt32)
    case retaking(WaiterTable.Waiter)
  }

  /// - Parameter owner: keeps the memory mapped.
  package init(_ queue: ConditionQueue, of owner: some AnyObject & Sendable) {
    self.queue = queue
    self.owner = owner
    mutex = KeptMutex(queue.lock.mutex)
  }

  package func step() throws(SystemFailure) -> KeptStep {
    switch state {
    case .entering: return try enter()
    case .asleep(let waiter, let seen):
      guard isGivingUp || waiter.hasBeenWoken(since: seen) || queue.hasToPassOn else { return sleep(waiter, seen) }
      return try retake(waiter)
    case .retaking(let waiter): return try retake(waiter)
    }
  }

  package func giveUp() throws(SystemFailure) -> KeptStep {
    isGivingUp = true
    if case .entering = state {
      waiting = .outOfTime
      return .over
    }
    return try step()
  }

  private func enter() throws(SystemFailure) -> KeptStep {
    guard queue.lock.isKept else { return .over }
    guard let waiter = try queue.enter() else {
      waiting = .noRoom
      return .over
    }
    return letGo(waiter)
  }

  private func letGo(_ waiter: WaiterTable.Waiter) -> KeptStep {
    let seen = waiter.now
    state = .asleep(waiter, seen: seen)
    queue.lock.releaseSoon()
    return sleep(waiter, seen)
  }

  private func sleep(_ waiter: WaiterTable.Waiter, _ seen: UInt32) -> KeptStep {
    .asleep(waiter.sleep(while: seen, lookAgain: Deadline(after: ConditionQueue.patience)))
  }

  private func retake(_ waiter: WaiterTable.Waiter) throws(SystemFailure) -> KeptStep {
    state = .retaking(waiter)
    switch try mutex.attempt() {
    case .busy(let sleep): return .asleep(sleep)
    case .taken(let taking): queue.lock.note(taking)
    }
    guard let result = queue.outcome(of: waiter, isOver: isGivingUp) else { return letGo(waiter) }
    waiting = result
    return .over
  }
}
