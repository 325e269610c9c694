/// The wait for something that a mutex guards and a futex tells of, in a line where there is one: the holder of the `turn` alone looks and
/// sleeps, and passes the turn on when it has seen what it waited for, or gives up.
package final class GuardedWait: KeptWait, @unchecked Sendable {
  // Sendable: made by one thread, and used by its keeper's alone from then on.
  private var turn: KeptMutex?
  private var hasTurn = false
  private var mutex: KeptMutex
  private let owner: AnyObject
  private let isOver: () -> Bool
  private let look: (RobustMutex.Taking) -> KeptSleep?

  /// - Parameters:
  ///   - owner: keeps the memory mapped.
  ///   - isOver: whether it has come; asked without a lock.
  ///   - look: called with the mutex; nil when it has come, else announces the sleep.
  init(
    _ mutex: RobustMutex, turn: RobustMutex? = nil, of owner: AnyObject, until isOver: @escaping () -> Bool,
    look: @escaping (RobustMutex.Taking) -> KeptSleep?
  ) {
    self.mutex = KeptMutex(mutex)
    self.turn = turn.map(KeptMutex.init)
    self.owner = owner
    self.isOver = isOver
    self.look = look
  }

  /// The holder of the turn may have been stopped (SIGSTOP), and what it keeps others from seeing may be there.
  private static let patience = Duration.milliseconds(100)

  package func step() throws(SystemFailure) -> KeptStep {
    do throws(SystemFailure) {
      if isOver() { return giveUp() }
      if !hasTurn, case .busy(let sleep)? = try turn?.attempt(lookAgain: Self.patience) { return .asleep(sleep) }
      hasTurn = turn != nil
      switch try mutex.attempt() {
      case .busy(let sleep): return .asleep(sleep)
      case .taken(let taking):
        let sleep = look(taking)
        mutex.mutex.unlock()
        return sleep.map { .asleep($0) } ?? giveUp()
      }
    } catch {
      _ = giveUp()
      throw error
    }
  }

  package func giveUp() -> KeptStep {
    mutex.leave()
    if hasTurn { turn?.mutex.unlock() } else { turn?.leave() }
    hasTurn = false
    return .over
  }
}
