/// The wait of a task for the other parties of a barrier.
package final class BarrierWait: KeptWait, @unchecked Sendable {
  // Sendable: made by one thread, used by its keeper's alone until its end, and looked at after that.
  private let ground: BarrierGround
  private var mutex: KeptMutex
  private let owner: AnyObject
  private var party: (waiter: WaiterTable.Waiter, number: Int)?
  private var isLast = false
  /// When a party that gives up leaves without the mutex, whose holder was stopped.
  private var end: Deadline?

  package enum Outcome: Equatable, Sendable {
    case ended(BarrierGround.Passage)
    /// All are there. The one who waits runs the action, and then completes the phase.
    case last
  }

  /// nil until the wait is over.
  package private(set) var outcome: Outcome?
  /// What the action came to, to be said before the phase is completed.
  package var hasActionFailed = false

  /// - Parameter owner: keeps the memory mapped.
  package init(_ ground: BarrierGround, of owner: some AnyObject & Sendable) {
    self.ground = ground
    self.owner = owner
    mutex = KeptMutex(ground.mutex)
  }

  package func step() throws(SystemFailure) -> KeptStep {
    switch try mutex.attempt() {
    case .busy(let sleep): return .asleep(sleep)
    case .taken: break
    }
    defer { mutex.mutex.unlock() }
    if isLast { return complete() }
    if let (waiter, number) = party {
      guard let passage = ground.passage(of: waiter, number) else { return sleep(waiter, waiter.now) }
      return over(.ended(passage))
    }
    switch try ground.arrive() {
    case .broken: return over(.ended(.broken))
    case .outside(let seen):
      return .asleep(ground.gate.sleep(while: seen, lookAgain: Deadline(after: BarrierGround.patience)))
    case .place(let waiter, let number, let seen):
      party = (waiter, number)
      isLast = number == ground.parties - 1
      return isLast ? over(.last) : sleep(waiter, seen)
    }
  }

  package func giveUp() throws(SystemFailure) -> KeptStep {
    let end = self.end ?? Deadline(after: .seconds(1))
    self.end = end
    switch try mutex.attempt() {
    case .busy(let sleep):
      guard end.hasPassed else { return .asleep(sleep) }
      mutex.leave()
      party?.waiter.desert()
      return over(.ended(.outOfTime))
    case .taken: break
    }
    defer { mutex.mutex.unlock() }
    return over(.ended(ground.giveUp(party)))
  }

  private func complete() -> KeptStep {
    guard let (waiter, number) = party else { return .over }
    party = nil
    return over(.ended(ground.complete(waiter, number, hasActionFailed: hasActionFailed)))
  }

  private func over(_ outcome: Outcome) -> KeptStep {
    self.outcome = outcome
    return .over
  }

  private func sleep(_ waiter: WaiterTable.Waiter, _ seen: UInt32) -> KeptStep {
    .asleep(waiter.sleep(while: seen, lookAgain: Deadline(after: BarrierGround.patience)))
  }
}
