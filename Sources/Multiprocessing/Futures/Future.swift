internal import MultiprocessingEngine

/// What will come of work that somebody else does: a worker of a pool. Python's `concurrent.futures.Future`.
///
/// It becomes done once, with a value or an error, and stays so; any number of threads and tasks may wait for it.
///
/// A future belongs to the process that made it. In a child the futures of its parent stay as they were at the fork: those that were done have
/// their result, the others never get one, and waiting for them throws `FutureError.notParent`.
public final class Future<Output: Sendable>: Sendable {
  private let owner = Generation.current
  private let state: ForkAwareLock<FutureState<Output>>
  /// What has to live on as long as somebody waits here for the result.
  private let keeper: FutureKeeper?

  // MARK: For whoever does the work

  /// - Parameters:
  ///   - cancel: asked by `cancel()`, on its thread, while the future is not done. true: the work was withdrawn or is being ended. The future
  ///     then completes itself with `CancellationError`, unless `cancel` has completed it. May be asked more than once.
  ///   - keeping: lives as long as the future, until that is done. Whoever does the work holds a `completer`, and not the future, or both would
  ///     live for ever.
  ///   - help: called again and again by a thread that is about to block on the future, until it answers false: it may do there
  ///     what brings the result nearer.
  ///   - callbackThread: where callbacks run; nil: where the future is completed.
  init(
    cancel: @escaping @Sendable () -> Bool, help: (@Sendable () -> Bool)? = nil,
    keeping kept: (any AnyObject & Sendable)? = nil, callbackThread: CallbackThread? = nil
  ) {
    state = ForkAwareLock(FutureState(work: FutureWork(cancel: cancel, help: help, callbackThread: callbackThread)))
    keeper = kept.map(FutureKeeper.init)
    if let keeper {
      let letGo: @Sendable (Result<Output, any Error>) -> Void = { [weak keeper] _ in keeper?.letGo() }
      _ = state.withLock { $0.addWaiter(letGo) }
    }
  }

  /// For whoever does the work.
  var completer: FutureCompleter<Output> { FutureCompleter(state: state) }

  /// The work has begun.
  func markRunning() { completer.markRunning() }

  /// Ends the future, wakes who waits, and then calls the callbacks, on this thread or on the one that is theirs. False when it was done before: the first result stays.
  /// To be called without a lock.
  @discardableResult
  func complete(_ result: Result<Output, any Error>) -> Bool { completer.complete(result) }

  // MARK: State

  /// Whether there is a result: a value, an error, or the cancellation.
  public var isDone: Bool { outcome != nil }

  /// Whether the work has begun, and has not ended.
  public var isRunning: Bool { state.withLock { $0.isRunning } }

  /// Whether it ended with `CancellationError`: by `cancel()`, or with its pool.
  public var isCancelled: Bool { state.withLock { $0.isCancelled } }

  var outcome: Result<Output, any Error>? { state.withLock { $0.outcome } }

  // MARK: Cancelling

  /// Cancels the work, if it has not ended: what has not begun never begins, and where it can be ended while it runs, it is.
  /// `result()` then throws `CancellationError`.
  ///
  /// - Returns: whether the future is cancelled now; false when it is done otherwise, when its work cannot be stopped any more, and in
  ///   another process than the one that made it.
  @discardableResult
  public func cancel() -> Bool {
    if owner.isCurrent, let work = state.withLock({ $0.work }), work.cancel() {
      complete(.failure(CancellationError()))
    }
    return isCancelled
  }

  // MARK: Waiting

  /// Waits for the end of the work, then gives what came of it. May be asked again, from any thread.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Throws: the error of the work; `CancellationError` when it was cancelled; `TimeoutError`, after which it goes on;
  ///   `FutureError.notParent`.
  public func result(timeout: Duration? = nil) throws -> Output {
    if let outcome { return try outcome.get() }
    guard try wait(until: Deadline(after: timeout)) else { throw Self.outOfTime(timeout) }
    return try ended().get()
  }

  /// The same, without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once; a future that is done gives its
  /// result to a cancelled task as well.
  ///
  /// - Parameters:
  ///   - timeout: nil waits for ever.
  ///   - cancelsOnCancellation: whether cancelling the task cancels the work too. By default the work goes on, since others may wait for it.
  /// - Throws: what the blocking one throws; `CancellationError`; `SystemError` when the system lacks what the first wait with a
  ///   timeout needs, a thread and two descriptors.
  public nonisolated(nonsending) func result(
    timeout: Duration? = nil, cancelsOnCancellation: Bool = false
  ) async throws -> Output {
    if let outcome { return try outcome.get() }
    let isInTime = try await withTaskCancellationHandler {
      try await waitSuspended(until: Deadline(after: timeout))
    } onCancel: {
      if cancelsOnCancellation { cancel() }
    }
    guard isInTime else { throw Self.outOfTime(timeout) }
    return try ended().get()
  }

  /// What came of the work, once it has ended, as `Task` has it: `result()` without a timeout.
  public var value: Output {
    get async throws { try await result() }
  }

  /// Calls `body` once with the result: at once, on this thread, when the future is done, and else on a thread of the library's, after those who
  /// wait were woken. The callbacks of a pool run one after another, in the order in which they were added to a future; they may use the pool, and
  /// wait for it. Python's `add_done_callback`.
  public func onCompletion(_ body: @escaping @Sendable (Result<Output, any Error>) -> Void) {
    guard !state.withLock({ $0.addCallback(body) }), let outcome else { return }
    body(outcome)
  }

  /// Blocks until it is done; false when `deadline` comes first.
  func wait(until deadline: Deadline) throws(FutureError) -> Bool {
    if isDone { return true }
    try requireParent()
    let latch = Latch()
    let ticket = addWaiter { _ in latch.open() }
    defer { removeWaiter(ticket) }
    while !latch.isOpen, !deadline.hasPassed, help() {}
    return latch.wait(until: deadline)
  }

  /// Suspends the task until it is done; false when `deadline` comes first.
  nonisolated(nonsending) func waitSuspended(until deadline: Deadline) async throws -> Bool {
    if isDone { return true }
    try requireParent()
    let latch = TaskLatch()
    let ticket = addWaiter { _ in latch.open() }
    defer { removeWaiter(ticket) }
    return try await latch.waitTelling(until: deadline)
  }

  // MARK: For waits over several

  /// Calls `listener` once: on the completing thread ahead of the callbacks, or at once when the future is done; the answer is then nil.
  func addWaiter(_ listener: @escaping @Sendable (Result<Output, any Error>) -> Void) -> UInt64? {
    if let ticket = state.withLock({ $0.addWaiter(listener) }) { return ticket }
    if let outcome { listener(outcome) }
    return nil
  }

  /// A listener that is being told at this moment may still run.
  func removeWaiter(_ ticket: UInt64?) {
    guard let ticket else { return }
    _ = state.withLock { $0.removeWaiter(ticket) }
  }

  /// Does a little of the work, if that is possible here; false when there is nothing to do.
  func help() -> Bool {
    guard let help = state.withLock({ $0.work?.help }) else { return false }
    return help()
  }

  /// Throws for a future that nobody will ever complete in this process.
  func requireParent() throws(FutureError) {
    guard owner.isCurrent || isDone else { throw .notParent }
  }

  /// The result of one that has told so.
  private func ended() throws -> Result<Output, any Error> {
    guard let outcome else { throw FutureError.notParent }
    return outcome
  }

  private static func outOfTime(_ timeout: Duration?) -> TimeoutError {
    TimeoutError(operation: "the result of a future", timeout: timeout ?? .zero)
  }
}

// By identity, as objects that are waited for want to be kept in sets and dictionaries.
extension Future: Hashable {
  /// Whether both are the same object.
  public static func == (one: Future, other: Future) -> Bool { one === other }
  /// Feeds the object's identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

extension TaskLatch {
  /// `wait(until:)` with the public error.
  nonisolated(nonsending) func waitTelling(until deadline: Deadline) async throws -> Bool {
    do {
      return try await wait(until: deadline)
    } catch let failure as SystemFailure {
      throw SystemError(failure)
    }
  }
}
