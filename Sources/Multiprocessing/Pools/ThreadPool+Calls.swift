// The forms of imap and imapUnordered, submit and register.

extension ThreadPool {
  /// Calls `transform` with each input, on the threads; the results come one by one, in the order of the inputs.
  ///
  /// - Parameters:
  ///   - inputs: pulled as threads need them, when a result is asked for: an endless sequence works.
  ///   - chunkSize: how many inputs travel together.
  ///   - transform: runs on a thread of the pool; an async one on a task, for which the thread waits.
  /// - Throws: `PoolError`. What goes wrong with an input is its result.
  public func imap<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> PoolResults<Out> {
    try runStream(inputs, chunkSize, isOrdered: true, ThreadPoolTask(transform))
  }

  /// The same with an async `transform`.
  public func imap<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> PoolResults<Out> {
    try runStream(inputs, chunkSize, isOrdered: true, ThreadPoolTask(async: transform))
  }

  /// Calls `transform` with each input, on the threads; the results come one by one, as they are there.
  ///
  /// - Parameters:
  ///   - inputs: pulled as threads need them, when a result is asked for: an endless sequence works.
  ///   - chunkSize: how many inputs travel together.
  ///   - transform: runs on a thread of the pool; an async one on a task, for which the thread waits.
  /// - Throws: `PoolError`. What goes wrong with an input is its result.
  public func imapUnordered<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> PoolResults<Out> {
    try runStream(inputs, chunkSize, isOrdered: false, ThreadPoolTask(transform))
  }

  /// The same with an async `transform`.
  public func imapUnordered<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> PoolResults<Out> {
    try runStream(inputs, chunkSize, isOrdered: false, ThreadPoolTask(async: transform))
  }

  // MARK: Submissions

  /// Runs `target` once, on a thread of the pool.
  ///
  /// - Parameters:
  ///   - target: an async one runs on a task, for which the thread waits.
  ///   - args: its arguments, by position: `args: (1, "two")`, `args: (1)`.
  /// - Throws: `PoolError.closed`; `ProcessError.notParent`. What goes wrong later is the future's.
  @discardableResult
  public func submit<each A: Sendable, Out: Sendable>(
    _ target: @escaping @Sendable (repeat each A) throws -> Out, args: (repeat each A)
  ) throws -> Future<Out> {
    let pack = ThreadArguments<repeat each A>(values: (repeat each args))
    let task = ThreadPoolTask<ThreadArguments<repeat each A>, Out>.starred(target)
    return try runSubmit { try task.call(pack) }
  }

  /// The same with a `target` without arguments.
  @discardableResult
  public func submit<Out: Sendable>(_ target: @escaping @Sendable () throws -> Out) throws -> Future<Out> {
    try runSubmit(target)
  }

  /// The same with an async `target`.
  @discardableResult
  public func submit<each A: Sendable, Out: Sendable>(
    _ target: @escaping @Sendable (repeat each A) async throws -> Out, args: (repeat each A)
  ) throws -> Future<Out> {
    let pack = ThreadArguments<repeat each A>(values: (repeat each args))
    let task = ThreadPoolTask<ThreadArguments<repeat each A>, Out>.starred(async: target)
    return try runSubmit { try task.call(pack) }
  }

  /// The same with an async `target` without arguments.
  @discardableResult
  public func submit<Out: Sendable>(_ target: @escaping @Sendable () async throws -> Out) throws -> Future<Out> {
    let task = ThreadPoolTask<Void, Out>(async: { _ in try await target() })
    return try runSubmit { try task.call(()) }
  }

  // MARK: Functions

  /// Makes a function that `map`, `imap` and `submit` take. Threads need not be told of it.
  public func register<In: Sendable, Out: Sendable>(
    _ function: @escaping @Sendable (In) throws -> Out
  ) throws -> ThreadPoolFunction<In, Out> {
    try core.requireOpen()
    return ThreadPoolFunction(task: ThreadPoolTask(function))
  }

  /// The same with an async function.
  public func register<In: Sendable, Out: Sendable>(
    _ function: @escaping @Sendable (In) async throws -> Out
  ) throws -> ThreadPoolFunction<In, Out> {
    try core.requireOpen()
    return ThreadPoolFunction(task: ThreadPoolTask(async: function))
  }

  /// `map` with a function that was registered.
  @discardableResult
  public func map<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: ThreadPoolFunction<In, Out>
  ) throws -> [Out] {
    try runMap(inputs, chunkSize, progress, function.task, failsFast: true).values()
  }

  /// The same, without blocking a thread.
  @discardableResult
  public nonisolated(nonsending) func map<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: ThreadPoolFunction<In, Out>
  ) async throws -> [Out] {
    try await runMap(inputs, chunkSize, progress, function.task, failsFast: true).values()
  }

  /// `mapResults` with a function that was registered.
  @discardableResult
  public func mapResults<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: ThreadPoolFunction<In, Out>
  ) throws -> [Result<Out, any Error>] {
    try runMap(inputs, chunkSize, progress, function.task, failsFast: false).results()
  }

  /// The same, without blocking a thread.
  @discardableResult
  public nonisolated(nonsending) func mapResults<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ function: ThreadPoolFunction<In, Out>
  ) async throws -> [Result<Out, any Error>] {
    try await runMap(inputs, chunkSize, progress, function.task, failsFast: false).results()
  }

  /// `imap` with a function that was registered.
  public func imap<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1, _ function: ThreadPoolFunction<In, Out>
  ) throws -> PoolResults<Out> {
    try runStream(inputs, chunkSize, isOrdered: true, function.task)
  }

  /// `imapUnordered` with a function that was registered.
  public func imapUnordered<In, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1, _ function: ThreadPoolFunction<In, Out>
  ) throws -> PoolResults<Out> {
    try runStream(inputs, chunkSize, isOrdered: false, function.task)
  }

  /// `submit` with a function that was registered.
  @discardableResult
  public func submit<In, Out>(_ function: ThreadPoolFunction<In, Out>, args: In) throws -> Future<Out> {
    try runSubmit { try function.task.call(args) }
  }
}
