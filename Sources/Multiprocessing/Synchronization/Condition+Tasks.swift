internal import MultiprocessingEngine

// Waiting in a task. A task has no thread of its own, so the lock that it acquires is held by the process.
extension Condition {
  /// Waits until the lock is free, and takes it for this process, without blocking a thread: any thread of the process may then wait, notify and
  /// release it. Cancelling the task ends the wait with `CancellationError`, at once, and the lock stays the others'.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: `TimeoutError`; `CancellationError`; `SystemError`, also when the system lacks the thread that the first such wait of a program
  ///   needs.
  public nonisolated(nonsending) func acquire(timeout: Duration? = nil) async throws {
    try await lock.acquireSuspended(timeout, of: segment)
  }

  /// Runs `body` while holding the lock as `acquire(timeout:)` in a task does, and releases it whatever `body` does.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public nonisolated(nonsending) func withLock<R>(
    _ body: nonisolated(nonsending) () async throws -> R
  ) async throws -> R {
    try await holding({ try await acquire() }, lock.release, body)
  }

  /// The same with a body that does not suspend.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public nonisolated(nonsending) func withLock<R>(_ body: () throws -> R) async throws -> R {
    try await holding({ try await acquire() }, lock.release, body)
  }

  /// Lets go of the lock, waits until notified without blocking a thread, and takes the lock again, whether it throws or not. The lock has to
  /// be one that a task acquired, not a thread.
  ///
  /// Cancelling the task ends the wait at once: it throws `CancellationError` as soon as the lock is there again. One that is notified in the very
  /// moment in which it is cancelled, or its time runs out, counts as notified.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait. It does not limit the time that taking the lock again takes.
  /// - Throws: `TimeoutError`; `CancellationError`; `SynchronizationError.notOwner` when no task of this process holds the lock,
  ///   `.tooManyWaiters`; `SystemError`.
  public nonisolated(nonsending) func wait(timeout: Duration? = nil) async throws {
    guard try await waitSuspended(until: Deadline(after: timeout)) else {
      throw TimeoutError.waiting(for: "a notification", timeout)
    }
  }

  /// Waits until `predicate` holds, without blocking a thread: asks it while holding the lock, at first and after each notification. Python's
  /// `wait_for`. See `wait(timeout:)` in a task for the lock and for cancelling.
  ///
  /// - Parameters:
  ///   - timeout: for all of the waiting; nil waits for ever.
  ///   - predicate: should look at what others change while they hold the lock.
  /// - Returns: what `predicate` answered last: false when the time ran out.
  /// - Throws: what `predicate` throws; `CancellationError`; `SynchronizationError.notOwner` when no task of this process holds the lock,
  ///   `.tooManyWaiters`; `SystemError`.
  @discardableResult
  public nonisolated(nonsending) func wait(
    timeout: Duration? = nil, until predicate: () throws -> Bool
  ) async throws -> Bool {
    guard queue.lock.isKept else { throw SynchronizationError.notOwner }
    let deadline = Deadline(after: timeout)
    while try !predicate() {
      guard try await waitSuspended(until: deadline) else { return try predicate() }
    }
    return true
  }

  /// False when out of time.
  private nonisolated(nonsending) func waitSuspended(until deadline: Deadline) async throws -> Bool {
    let wait = ConditionWait(queue, of: segment)
    let outcome: Keeper.Outcome
    do {
      outcome = try await Keeper.outcome(of: wait, until: deadline)
    } catch let failure as SystemFailure {
      throw SystemError(failure)
    }
    if case .failed(let failure) = outcome { throw SystemError(failure) }
    if outcome == .withdrawn, wait.waiting != .notified { throw CancellationError() }
    return try isNotified(wait.waiting)
  }
}
