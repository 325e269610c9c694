internal import MultiprocessingEngine

// Waiting in a task. A task has no thread of its own, so what it acquires is held by the process.
extension Lock {
  /// Waits until the lock is free, and takes it for this process, without blocking a thread: any thread of the process may release it, and
  /// whichever task does it first does. Cancelling the task ends the wait with `CancellationError`, at once, and the lock stays the others'.
  ///
  /// Another task of the process that acquires it waits as anybody does; one that holds it already would wait for itself. When the process dies, the
  /// lock passes on.
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
}

extension RecursiveLock {
  /// Waits until the lock is free, and takes it for this process, without blocking a thread: any thread of the process may release it.
  /// Cancelling the task ends the wait with `CancellationError`, at once, and the lock stays the others'.
  ///
  /// A task has no identity that a lock could know: unlike a thread, one that holds the lock cannot acquire it again, and would wait for
  /// itself.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: `TimeoutError`; `CancellationError`; `SystemError`.
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
    try await holding({ try await acquire() }, lock.releaseOnce, body)
  }

  /// The same with a body that does not suspend.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public nonisolated(nonsending) func withLock<R>(_ body: () throws -> R) async throws -> R {
    try await holding({ try await acquire() }, lock.releaseOnce, body)
  }
}
