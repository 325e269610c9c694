extension Pool {
  /// Makes a function known to the workers, for many calls: those that are born from now on know it.
  ///
  /// - Throws: `PoolError.closed`, `ProcessError.notParent`.
  public func register<In: Codable & Sendable, Out: Codable & Sendable>(
    _ function: @escaping @Sendable (In) throws -> Out
  ) throws -> PoolFunction<In, Out> {
    try register(PoolTask(function, .codable()))
  }

  /// The same with a function without a result.
  @_disfavoredOverload
  public func register<In: Codable & Sendable>(
    _ function: @escaping @Sendable (In) throws -> Void
  ) throws -> PoolFunction<In, Void> {
    try register(PoolTask(function, .void()))
  }

  /// The same with an async function.
  public func register<In: Codable & Sendable, Out: Codable & Sendable>(
    _ function: @escaping @Sendable (In) async throws -> Out
  ) throws -> PoolFunction<In, Out> {
    try register(PoolTask(async: function, .codable()))
  }

  /// The same with an async function without a result.
  @_disfavoredOverload
  public func register<In: Codable & Sendable>(
    _ function: @escaping @Sendable (In) async throws -> Void
  ) throws -> PoolFunction<In, Void> {
    try register(PoolTask(async: function, .void()))
  }

  private func register<In, Out>(_ task: PoolTask<In, Out>) throws -> PoolFunction<In, Out> {
    PoolFunction(body: try core.register(task), task: .init(task: task), core: core)
  }
}

// Calls with registered functions.
extension Pool {
  /// `map` with a function that was registered.
  public func map<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: PoolFunction<In, Out>
  ) throws -> [Out] {
    try runMap(inputs, chunkSize, progress, task(of: function), function.body)
  }

  /// `mapResults` with a function that was registered.
  public func mapResults<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: PoolFunction<In, Out>
  ) throws -> [Result<Out, any Error>] {
    try runMapResults(inputs, chunkSize, progress, task(of: function), function.body)
  }

  /// `map` with a function that was registered, without blocking a thread.
  public nonisolated(nonsending) func map<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: PoolFunction<In, Out>
  ) async throws -> [Out] {
    try await runMap(inputs, chunkSize, progress, task(of: function), function.body)
  }

  /// `mapResults` with a function that was registered, without blocking a thread.
  public nonisolated(nonsending) func mapResults<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: PoolFunction<In, Out>
  ) async throws -> [Result<Out, any Error>] {
    try await runMapResults(inputs, chunkSize, progress, task(of: function), function.body)
  }

  /// `imap` with a function that was registered.
  public func imap<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1, _ function: PoolFunction<In, Out>
  ) throws -> PoolResults<Out> {
    try runStream(inputs, chunkSize, isOrdered: true, task(of: function), function.body)
  }

  /// `imapUnordered` with a function that was registered.
  public func imapUnordered<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1, _ function: PoolFunction<In, Out>
  ) throws -> PoolResults<Out> {
    try runStream(inputs, chunkSize, isOrdered: false, task(of: function), function.body)
  }

  /// Runs a function that was registered once, in a worker.
  ///
  /// - Throws: `PoolError.closed`; what cannot be encoded; `SystemError` without memory. What goes wrong later is the future's.
  @discardableResult
  public func submit<In, Out>(_ function: PoolFunction<In, Out>, args: In) throws -> Future<Out> {
    try runSubmit(args, task(of: function), function.body)
  }

  private func task<In, Out>(of function: PoolFunction<In, Out>) throws -> PoolTask<In, Out> {
    guard function.core === core else {
      throw PoolError.invalidArgument("a function of another pool: register() it with this one")
    }
    return function.task.task
  }
}
