internal import MultiprocessingEngine

// Waiting in a task.
extension Barrier {
  /// Waits until all parties are there, without blocking a thread. Cancelling the task ends the wait with `CancellationError`, and breaks the
  /// barrier, as a party does that runs out of time. The action runs on the task of the party that comes last, when that is a task.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait. A party that runs out of time breaks the barrier.
  /// - Returns: the number of this party, from 0, in the order in which they came: each party gets another one.
  /// - Throws: `TimeoutError` in the party whose time ran out; `CancellationError`; `SynchronizationError.brokenBarrier` when the barrier is
  ///   broken, or breaks or is reset meanwhile; in the party that runs the action, what the action throws, which breaks the barrier; `SystemError`.
  @discardableResult
  public nonisolated(nonsending) func wait(timeout: Duration? = nil) async throws -> Int {
    try Task.checkCancellation()
    do {
      return try await waitSuspended(timeout)
    } catch let failure as SystemFailure {
      throw SystemError(failure)
    }
  }

  private nonisolated(nonsending) func waitSuspended(_ timeout: Duration?) async throws -> Int {
    let wait = BarrierWait(ground, of: segment)
    // The same for both parts: it holds the party's proof of life.
    let keeper = try Keeper.withRoom()
    let first = await keeper.outcome(of: wait, until: Deadline(after: timeout))
    if case .failed(let failure) = first { throw failure }
    guard wait.outcome == .last else { return try number(wait, first, timeout) }
    var actionFailure: (any Error)?
    do { try action?.body() } catch { actionFailure = error }
    wait.hasActionFailed = actionFailure != nil
    keeper.makeRoom()
    let second = await keeper.outcomeRegardless(of: wait, until: .never)
    if let actionFailure { throw actionFailure }
    if case .failed(let failure) = second { throw failure }
    return try number(wait, second, timeout)
  }

  private func number(_ wait: BarrierWait, _ outcome: Keeper.Outcome, _ timeout: Duration?) throws -> Int {
    guard case .ended(let passage) = wait.outcome else { throw CancellationError() }
    // One that was let go in the very moment of its being cancelled has passed.
    if outcome == .withdrawn, passage == .outOfTime { throw CancellationError() }
    return try number(of: passage, timeout)
  }
}
