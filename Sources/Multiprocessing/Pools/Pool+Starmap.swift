// The forms of one call: starmap. A transform that is not async chooses the synchronous ones, whose workers need no executors.

extension Pool {
  /// Calls `transform` with the elements of each tuple, as `map` does with one argument. Python's `starmap`.
  ///
  /// - Parameters:
  ///   - inputs: tuples of arguments, pulled as workers need them, on the calling thread: `zip(names, sizes)` where they come from two sequences. Labels
  ///     are no part of it: of a dictionary, give `dictionary.map { ($0.key, $0.value) }`.
  ///   - chunkSize: how many inputs travel together. nil: chosen, and adapted, by how long they take and how large they are.
  ///   - progress: called on the calling thread as results come, with how many there are, and how many there will be if that is known.
  ///   - transform: runs in a worker; what it captured is as it was at the call.
  /// - Throws: what `map` throws.
  public func starmap<each A: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) throws -> Out
  ) throws -> [Out] {
    try runMap(
      PoolInputs(ArgumentPacks<_, ArgumentPack<repeat each A>>(tuples: inputs)), chunkSize, progress,
      .starred(transform, .codable()))
  }

  /// The same with a `transform` without a result.
  @discardableResult
  @_disfavoredOverload
  public func starmap<each A: Codable & Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) throws -> Void
  ) throws -> [Void] {
    try runMap(
      PoolInputs(ArgumentPacks<_, ArgumentPack<repeat each A>>(tuples: inputs)), chunkSize, progress,
      .starred(transform, .void()))
  }

  /// The same with an async `transform`.
  public func starmap<each A: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) async throws -> Out
  ) throws -> [Out] {
    try runMap(
      PoolInputs(ArgumentPacks<_, ArgumentPack<repeat each A>>(tuples: inputs)), chunkSize, progress,
      .starred(async: transform, .codable()))
  }

  /// The same with an async `transform` without a result.
  @discardableResult
  @_disfavoredOverload
  public func starmap<each A: Codable & Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) async throws -> Void
  ) throws -> [Void] {
    try runMap(
      PoolInputs(ArgumentPacks<_, ArgumentPack<repeat each A>>(tuples: inputs)), chunkSize, progress,
      .starred(async: transform, .void()))
  }

  /// The same, without blocking a thread. When the task is cancelled, what is left is dropped, what runs is ended, and it throws `CancellationError`.
  public nonisolated(nonsending) func starmap<each A: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) throws -> Out
  ) async throws -> [Out] {
    try await runMap(
      PoolInputs(ArgumentPacks<_, ArgumentPack<repeat each A>>(tuples: inputs)), chunkSize, progress,
      .starred(transform, .codable()))
  }

  /// The same with a `transform` without a result, without blocking a thread.
  @discardableResult
  @_disfavoredOverload
  public nonisolated(nonsending) func starmap<each A: Codable & Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) throws -> Void
  ) async throws -> [Void] {
    try await runMap(
      PoolInputs(ArgumentPacks<_, ArgumentPack<repeat each A>>(tuples: inputs)), chunkSize, progress,
      .starred(transform, .void()))
  }

  /// The same with an async `transform`, without blocking a thread.
  public nonisolated(nonsending) func starmap<each A: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) async throws -> Out
  ) async throws -> [Out] {
    try await runMap(
      PoolInputs(ArgumentPacks<_, ArgumentPack<repeat each A>>(tuples: inputs)), chunkSize, progress,
      .starred(async: transform, .codable()))
  }

  /// The same with an async `transform` without a result, without blocking a thread.
  @discardableResult
  @_disfavoredOverload
  public nonisolated(nonsending) func starmap<each A: Codable & Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) async throws -> Void
  ) async throws -> [Void] {
    try await runMap(
      PoolInputs(ArgumentPacks<_, ArgumentPack<repeat each A>>(tuples: inputs)), chunkSize, progress,
      .starred(async: transform, .void()))
  }
}
