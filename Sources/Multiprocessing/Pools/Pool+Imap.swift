// The forms of one call: imap. A transform that is not async chooses the synchronous ones, whose workers need no executors.

extension Pool {
  /// Calls `transform` with each input, in the workers; the results come one by one, in the order of the inputs.
  ///
  /// - Parameters:
  ///   - inputs: pulled as workers need them, when a result is asked for: an endless sequence works.
  ///   - chunkSize: how many inputs travel together.
  ///   - transform: runs in a worker; what it captured is as it was at the call.
  /// - Throws: `PoolError`. What goes wrong with an input is its result.
  @inlinable
  public func imap<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> PoolResults<Out> {
    try runStream(PoolInputs(inputs), chunkSize, isOrdered: true, PoolTask(transform, .codable()))
  }

  /// The same with a `transform` without a result.
  @_disfavoredOverload
  @inlinable
  public func imap<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) throws -> Void
  ) throws -> PoolResults<Void> {
    try runStream(PoolInputs(inputs), chunkSize, isOrdered: true, PoolTask(transform, .void()))
  }

  /// The same with an async `transform`.
  @inlinable
  public func imap<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> PoolResults<Out> {
    try runStream(PoolInputs(inputs), chunkSize, isOrdered: true, PoolTask(async: transform, .codable()))
  }

  /// The same with an async `transform` without a result.
  @_disfavoredOverload
  @inlinable
  public func imap<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) async throws -> Void
  ) throws -> PoolResults<Void> {
    try runStream(PoolInputs(inputs), chunkSize, isOrdered: true, PoolTask(async: transform, .void()))
  }

  /// Calls `transform` with each input, in the workers; the results come one by one, as they are there.
  ///
  /// - Parameters:
  ///   - inputs: pulled as workers need them, when a result is asked for: an endless sequence works.
  ///   - chunkSize: how many inputs travel together.
  ///   - transform: runs in a worker; what it captured is as it was at the call.
  /// - Throws: `PoolError`. What goes wrong with an input is its result.
  @inlinable
  public func imapUnordered<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> PoolResults<Out> {
    try runStream(PoolInputs(inputs), chunkSize, isOrdered: false, PoolTask(transform, .codable()))
  }

  /// The same with a `transform` without a result.
  @_disfavoredOverload
  @inlinable
  public func imapUnordered<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) throws -> Void
  ) throws -> PoolResults<Void> {
    try runStream(PoolInputs(inputs), chunkSize, isOrdered: false, PoolTask(transform, .void()))
  }

  /// The same with an async `transform`.
  @inlinable
  public func imapUnordered<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> PoolResults<Out> {
    try runStream(PoolInputs(inputs), chunkSize, isOrdered: false, PoolTask(async: transform, .codable()))
  }

  /// The same with an async `transform` without a result.
  @_disfavoredOverload
  @inlinable
  public func imapUnordered<In: Codable & Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) async throws -> Void
  ) throws -> PoolResults<Void> {
    try runStream(PoolInputs(inputs), chunkSize, isOrdered: false, PoolTask(async: transform, .void()))
  }
}
