internal import MultiprocessingEngine

/// The end of a future where its result comes from.
struct FutureCompleter<Output>: Sendable {
  let state: ForkAwareLock<FutureState<Output>>

  /// The work has begun.
  func markRunning() { state.withLock { $0.markRunning() } }

  /// Ends the future, wakes who waits, and then calls the callbacks, on this thread or on the one that is theirs. False when it was done before: the first result stays.
  /// To be called without a lock.
  @discardableResult
  func complete(_ result: Result<Output, any Error>) -> Bool {
    guard let completion = state.withLock({ $0.complete(result) }) else { return false }
    for waiter in completion.waiters { waiter(result) }
    guard !completion.callbacks.isEmpty else { return true }
    // Safe: a future's outcome is read by any number of threads, and its public type asks for a `Sendable` one.
    nonisolated(unsafe) let outcome = result
    let call: @Sendable () -> Void = { for callback in completion.callbacks { callback(outcome) } }
    if let thread = completion.work?.callbackThread { thread.run(call) } else { call() }
    return true
  }

  var isDone: Bool { state.withLock { $0.outcome != nil } }
}

/// Holds on to an object until it is told otherwise.
final class FutureKeeper: Sendable {
  private let kept: ForkAwareLock<(any AnyObject & Sendable)?>

  init(_ kept: any AnyObject & Sendable) { self.kept = ForkAwareLock(kept) }

  /// The last reference may run any code: it goes without the lock.
  func letGo() { _ = kept.withLock { $0.take() } }
}
