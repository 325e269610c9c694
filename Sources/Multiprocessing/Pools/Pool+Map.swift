// The forms of one call: map. A transform that is not async chooses the synchronous ones, whose workers need no executors.

extension Pool {
  /// Calls `transform` with each input, in the workers, and waits for all results; in the order of the inputs.
  ///
  /// - Parameters:
  ///   - inputs: pulled as workers need them, on the calling thread.
  ///   - chunkSize: how many inputs travel together. nil: chosen, and adapted, by how long they take and how large they are.
  ///   - progress: called on the calling thread as results come, with how many there are, and how many there will be if that is known.
  ///   - transform: runs in a worker; what it captured is as it was at the call.
  /// - Throws: the error of the first input that fails: what `transform` threw, if it is `Codable`, else `ProcessError.thrown`; `ProcessError.crashed`,
  ///   `.killed`, `.exited`, `.limitExceeded`, or `TimeoutError`, for what ended the worker; what the coding of an input or result throws. Inputs after
  ///   it that have not begun are not run any more; what runs is run to its end. `PoolError`; `CancellationError` when the pool is terminated.
  @inlinable
  public func map<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> [Out] {
    try runMap(PoolInputs(inputs), chunkSize, progress, PoolTask(transform, .codable()))
  }

  /// The same with a `transform` without a result.
  @discardableResult
  @_disfavoredOverload
  @inlinable
  public func map<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Void
  ) throws -> [Void] {
    try runMap(PoolInputs(inputs), chunkSize, progress, PoolTask(transform, .void()))
  }

  /// The same with an async `transform`.
  @inlinable
  public func map<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> [Out] {
    try runMap(PoolInputs(inputs), chunkSize, progress, PoolTask(async: transform, .codable()))
  }

  /// The same with an async `transform` without a result.
  @discardableResult
  @_disfavoredOverload
  @inlinable
  public func map<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Void
  ) throws -> [Void] {
    try runMap(PoolInputs(inputs), chunkSize, progress, PoolTask(async: transform, .void()))
  }

  /// The same, without blocking a thread. When the task is cancelled, what is left is dropped, what runs is ended, and it throws `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func map<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) async throws -> [Out] {
    try await runMap(PoolInputs(inputs), chunkSize, progress, PoolTask(transform, .codable()))
  }

  /// The same with a `transform` without a result, without blocking a thread.
  @discardableResult
  @_disfavoredOverload
  @inlinable
  public nonisolated(nonsending) func map<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Void
  ) async throws -> [Void] {
    try await runMap(PoolInputs(inputs), chunkSize, progress, PoolTask(transform, .void()))
  }

  /// The same with an async `transform`, without blocking a thread.
  @inlinable
  public nonisolated(nonsending) func map<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) async throws -> [Out] {
    try await runMap(PoolInputs(inputs), chunkSize, progress, PoolTask(async: transform, .codable()))
  }

  /// The same with an async `transform` without a result, without blocking a thread.
  @discardableResult
  @_disfavoredOverload
  @inlinable
  public nonisolated(nonsending) func map<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Void
  ) async throws -> [Void] {
    try await runMap(PoolInputs(inputs), chunkSize, progress, PoolTask(async: transform, .void()))
  }
}
