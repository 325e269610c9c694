internal import MultiprocessingEngine

// Waiting in a task.
extension Semaphore {
  /// Waits until a permit is free, and takes it, without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at
  /// once, and no permit is lost.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: `TimeoutError`; `CancellationError`; `SystemError`, also when the system lacks the thread that the first such wait of a program
  ///   needs.
  public nonisolated(nonsending) func acquire(timeout: Duration? = nil) async throws {
    try await counter.takeSuspended(timeout, of: segment)
  }

  /// Runs `body` while holding a permit, and gives it back whatever `body` does.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public nonisolated(nonsending) func withLock<R>(
    _ body: nonisolated(nonsending) () async throws -> R
  ) async throws -> R {
    try await holding({ try await acquire() }, { try counter.give(1) }, body)
  }

  /// The same with a body that does not suspend.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public nonisolated(nonsending) func withLock<R>(_ body: () throws -> R) async throws -> R {
    try await holding({ try await acquire() }, { try counter.give(1) }, body)
  }
}

extension BoundedSemaphore {
  /// Waits until a permit is free, and takes it, without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at
  /// once, and no permit is lost.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: `TimeoutError`; `CancellationError`; `SystemError`.
  public nonisolated(nonsending) func acquire(timeout: Duration? = nil) async throws {
    try await counter.takeSuspended(timeout, of: segment)
  }

  /// Runs `body` while holding a permit, and gives it back whatever `body` does.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public nonisolated(nonsending) func withLock<R>(
    _ body: nonisolated(nonsending) () async throws -> R
  ) async throws -> R {
    try await holding({ try await acquire() }, { try counter.give(1) }, body)
  }

  /// The same with a body that does not suspend.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public nonisolated(nonsending) func withLock<R>(_ body: () throws -> R) async throws -> R {
    try await holding({ try await acquire() }, { try counter.give(1) }, body)
  }
}
