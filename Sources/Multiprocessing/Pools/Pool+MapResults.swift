// The forms of one call: mapResults. A transform that is not async chooses the synchronous ones, whose workers need no executors.

extension Pool {
  /// Calls `transform` with each input, in the workers, and waits until each has a value or an error of its own; in the order of the inputs.
  ///
  /// - Parameters:
  ///   - inputs: pulled as workers need them, on the calling thread.
  ///   - chunkSize: how many inputs travel together. nil: chosen, and adapted, by how long they take and how large they are.
  ///   - progress: called on the calling thread as results come, with how many there are, and how many there will be if that is known.
  ///   - transform: runs in a worker; what it captured is as it was at the call.
  /// - Throws: `PoolError`; `CancellationError` when the pool is terminated. What goes wrong with an input is its result.
  @inlinable
  public func mapResults<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> [Result<Out, any Error>] {
    try runMapResults(PoolInputs(inputs), chunkSize, progress, PoolTask(transform, .codable()))
  }

  /// The same with a `transform` without a result.
  @_disfavoredOverload
  @inlinable
  public func mapResults<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Void
  ) throws -> [Result<Void, any Error>] {
    try runMapResults(PoolInputs(inputs), chunkSize, progress, PoolTask(transform, .void()))
  }

  /// The same with an async `transform`.
  @inlinable
  public func mapResults<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> [Result<Out, any Error>] {
    try runMapResults(PoolInputs(inputs), chunkSize, progress, PoolTask(async: transform, .codable()))
  }

  /// The same with an async `transform` without a result.
  @_disfavoredOverload
  @inlinable
  public func mapResults<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Void
  ) throws -> [Result<Void, any Error>] {
    try runMapResults(PoolInputs(inputs), chunkSize, progress, PoolTask(async: transform, .void()))
  }

  /// The same, without blocking a thread. When the task is cancelled, what is left is dropped, what runs is ended, and it throws `CancellationError`.
  @inlinable
  public nonisolated(nonsending) func mapResults<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) async throws -> [Result<Out, any Error>] {
    try await runMapResults(PoolInputs(inputs), chunkSize, progress, PoolTask(transform, .codable()))
  }

  /// The same with a `transform` without a result, without blocking a thread.
  @_disfavoredOverload
  @inlinable
  public nonisolated(nonsending) func mapResults<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Void
  ) async throws -> [Result<Void, any Error>] {
    try await runMapResults(PoolInputs(inputs), chunkSize, progress, PoolTask(transform, .void()))
  }

  /// The same with an async `transform`, without blocking a thread.
  @inlinable
  public nonisolated(nonsending) func mapResults<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) async throws -> [Result<Out, any Error>] {
    try await runMapResults(PoolInputs(inputs), chunkSize, progress, PoolTask(async: transform, .codable()))
  }

  /// The same with an async `transform` without a result, without blocking a thread.
  @_disfavoredOverload
  @inlinable
  public nonisolated(nonsending) func mapResults<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Void
  ) async throws -> [Result<Void, any Error>] {
    try await runMapResults(PoolInputs(inputs), chunkSize, progress, PoolTask(async: transform, .void()))
  }
}
