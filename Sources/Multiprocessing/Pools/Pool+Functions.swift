extension Pool {
  /// Makes a function known to the workers, for many calls: those that are born from now on know it.
  ///
  /// - Throws: `PoolError.closed`, `ProcessError.notParent`.
  @inlinable
  public func register<In: Codable & Sendable, Out: Codable & Sendable>(
    _ function: @escaping @Sendable (In) throws -> Out
  ) throws -> PoolFunction<In, Out> {
    try register(PoolTask(function, .codable()))
  }

  /// The same with a function without a result.
  @_disfavoredOverload
  @inlinable
  public func register<In: Codable & Sendable>(
    _ function: @escaping @Sendable (In) throws -> Void
  ) throws -> PoolFunction<In, Void> {
    try register(PoolTask(function, .void()))
  }

  /// The same with an async function.
  @inlinable
  public func register<In: Codable & Sendable, Out: Codable & Sendable>(
    _ function: @escaping @Sendable (In) async throws -> Out
  ) throws -> PoolFunction<In, Out> {
    try register(PoolTask(async: function, .codable()))
  }

  /// The same with an async function without a result.
  @_disfavoredOverload
  @inlinable
  public func register<In: Codable & Sendable>(
    _ function: @escaping @Sendable (In) async throws -> Void
  ) throws -> PoolFunction<In, Void> {
    try register(PoolTask(async: function, .void()))
  }

  @usableFromInline
  func register<In, Out>(_ task: PoolTask<In, Out>) throws -> PoolFunction<In, Out> {
    PoolFunction(registration: PoolRegistration(try core.register(task), core), task: .init(task: task))
  }
}

// Calls with registered functions.
extension Pool {
  /// `map` with a function that was registered.
  @inlinable
  public func map<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: PoolFunction<In, Out>
  ) throws -> [Out] {
    try runMap(PoolInputs(inputs), chunkSize, progress, function)
  }

  /// `mapResults` with a function that was registered.
  @inlinable
  public func mapResults<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: PoolFunction<In, Out>
  ) throws -> [Result<Out, any Error>] {
    try runMapResults(PoolInputs(inputs), chunkSize, progress, function)
  }

  /// `map` with a function that was registered, without blocking a thread.
  @inlinable
  public nonisolated(nonsending) func map<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: PoolFunction<In, Out>
  ) async throws -> [Out] {
    try await runMap(PoolInputs(inputs), chunkSize, progress, function)
  }

  /// `mapResults` with a function that was registered, without blocking a thread.
  @inlinable
  public nonisolated(nonsending) func mapResults<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: PoolFunction<In, Out>
  ) async throws -> [Result<Out, any Error>] {
    try await runMapResults(PoolInputs(inputs), chunkSize, progress, function)
  }

  /// `imap` with a function that was registered.
  @inlinable
  public func imap<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1, _ function: PoolFunction<In, Out>
  ) throws -> PoolResults<Out> {
    try runStream(PoolInputs(inputs), chunkSize, isOrdered: true, function)
  }

  /// `imapUnordered` with a function that was registered.
  @inlinable
  public func imapUnordered<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1, _ function: PoolFunction<In, Out>
  ) throws -> PoolResults<Out> {
    try runStream(PoolInputs(inputs), chunkSize, isOrdered: false, function)
  }

  /// Runs a function that was registered once, in a worker.
  ///
  /// - Throws: `PoolError.closed`; what cannot be encoded; `SystemError` without memory. What goes wrong later is the future's.
  @discardableResult
  @inlinable
  public func submit<In, Out>(_ function: PoolFunction<In, Out>, args: In) throws -> Future<Out> {
    try runSubmit(args, function)
  }
}
