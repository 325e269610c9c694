/// The wait for something that a mutex guards and a futex tells of, in a line where there is one: the holder of the `turn` alone looks and
/// sleeps, and passes the turn on when it has seen what it waited for, or gives up.
package final class GuardedWait: KeptWait, @unchecked Sendable {
  // Sendable: made by one thread, and used by its keeper's alone from then on.
  private var turn: KeptMutex?
  private var hasTurn = false
  private var mutex: KeptMutex
  private var entry: KeptMutex?
  private var hasSeen = false
  private let owner: AnyObject
  private let isOver: () -> Bool
  private let look: (RobustMutex.Taking) -> KeptSleep?
  private let enter: (RobustMutex.Taking) -> Void

  /// - Parameters:
  ///   - entry: the mutex that whoever waited takes next: the wait is not over while its holder is stopped (SIGSTOP).
  ///   - owner: keeps the memory mapped.
  ///   - isOver: whether it has come; asked without a lock.
  ///   - look: called with the mutex; nil when it has come, else announces the sleep.
  init(
    _ mutex: RobustMutex, turn: RobustMutex? = nil, entry: RobustMutex? = nil, of owner: AnyObject,
    until isOver: @escaping () -> Bool, look: @escaping (RobustMutex.Taking) -> KeptSleep?,
    enter: @escaping (RobustMutex.Taking) -> Void = { _ in }
  ) {
    self.mutex = KeptMutex(mutex)
    self.turn = turn.map(KeptMutex.init)
    self.entry = entry.map(KeptMutex.init)
    self.enter = enter
    self.owner = owner
    self.isOver = isOver
    self.look = look
  }

  /// The holder of the turn may have been stopped (SIGSTOP), and what it keeps others from seeing may be there.
  private static let patience = Duration.milliseconds(100)

  package func step() throws(SystemFailure) -> KeptStep {
    do throws(SystemFailure) {
      if hasSeen || isOver() { return try see() }
      if !hasTurn, case .busy(let sleep)? = try turn?.attempt(lookAgain: Self.patience) { return .asleep(sleep) }
      hasTurn = turn != nil
      switch try mutex.attempt() {
      case .busy(let sleep): return .asleep(sleep)
      case .taken(let taking):
        let sleep = look(taking)
        mutex.mutex.unlock()
        if let sleep { return .asleep(sleep) }
        return try see()
      }
    } catch {
      _ = giveUp()
      throw error
    }
  }

  /// What it waited for has come: the turn is the next one's, and the way in may have to be waited for.
  private func see() throws(SystemFailure) -> KeptStep {
    letGo()
    hasSeen = true
    switch try entry?.attempt() {
    case .busy(let sleep): return .asleep(sleep)
    case .taken(let taking):
      enter(taking)
      entry?.mutex.unlock()
      return .over
    case nil: return .over
    }
  }

  private func letGo() {
    mutex.leave()
    if hasTurn { turn?.mutex.unlock() } else { turn?.leave() }
    hasTurn = false
  }

  package func giveUp() -> KeptStep {
    letGo()
    entry?.leave()
    return .over
  }
}
