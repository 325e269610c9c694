// The forms of map, mapResults and starmap: for a transform that is async or not, in a thread or in a task.

extension ThreadPool {
  /// Calls `transform` with each input, on the threads, and waits for all results; in the order of the inputs.
  ///
  /// - Parameters:
  ///   - inputs: pulled as threads need them, on the calling thread.
  ///   - chunkSize: how many inputs travel together. nil: chosen, and adapted, by how long they take.
  ///   - progress: called on the calling thread as results come, with how many there are, and how many there will be if that is known.
  ///   - transform: runs on a thread of the pool; an async one on a task, for which the thread waits.
  /// - Throws: the error of the first input that fails; inputs after it are not run any more. `PoolError`; `CancellationError` when the pool is
  ///   terminated.
  @discardableResult
  public func map<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> [Out] {
    try runMap(
      inputs, chunkSize, progress, ThreadPoolTask(transform), failsFast: true
    ).values()
  }

  /// The same with an async `transform`.
  @discardableResult
  public func map<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> [Out] {
    try runMap(
      inputs, chunkSize, progress, ThreadPoolTask(async: transform), failsFast: true
    ).values()
  }

  /// The same, without blocking a thread. When the task is cancelled, what has not begun is dropped, and it throws `CancellationError`.
  @discardableResult
  public nonisolated(nonsending) func map<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) async throws -> [Out] {
    try await runMap(
      inputs, chunkSize, progress, ThreadPoolTask(transform), failsFast: true
    ).values()
  }

  /// The same with an async `transform`, without blocking a thread.
  @discardableResult
  public nonisolated(nonsending) func map<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) async throws -> [Out] {
    try await runMap(
      inputs, chunkSize, progress, ThreadPoolTask(async: transform), failsFast: true
    ).values()
  }

  /// Calls `transform` with each input, on the threads, and waits until each has a value or an error of its own; in the order of the inputs.
  ///
  /// - Parameters:
  ///   - inputs: pulled as threads need them, on the calling thread.
  ///   - chunkSize: how many inputs travel together. nil: chosen, and adapted, by how long they take.
  ///   - progress: called on the calling thread as results come, with how many there are, and how many there will be if that is known.
  ///   - transform: runs on a thread of the pool; an async one on a task, for which the thread waits.
  /// - Throws: `PoolError`; `CancellationError` when the pool is terminated. What goes wrong with an input is its result.
  @discardableResult
  public func mapResults<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> [Result<Out, any Error>] {
    try runMap(
      inputs, chunkSize, progress, ThreadPoolTask(transform), failsFast: false
    ).results()
  }

  /// The same with an async `transform`.
  @discardableResult
  public func mapResults<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> [Result<Out, any Error>] {
    try runMap(
      inputs, chunkSize, progress, ThreadPoolTask(async: transform), failsFast: false
    ).results()
  }

  /// The same, without blocking a thread. When the task is cancelled, what has not begun is dropped, and it throws `CancellationError`.
  @discardableResult
  public nonisolated(nonsending) func mapResults<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) async throws -> [Result<Out, any Error>] {
    try await runMap(
      inputs, chunkSize, progress, ThreadPoolTask(transform), failsFast: false
    ).results()
  }

  /// The same with an async `transform`, without blocking a thread.
  @discardableResult
  public nonisolated(nonsending) func mapResults<In: Sendable, Out: Sendable>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) async throws -> [Result<Out, any Error>] {
    try await runMap(
      inputs, chunkSize, progress, ThreadPoolTask(async: transform), failsFast: false
    ).results()
  }

  /// Calls `transform` with the elements of each tuple, as `map` does with one argument. Python's `starmap`.
  ///
  /// - Parameters:
  ///   - inputs: tuples of arguments, pulled as threads need them, on the calling thread.
  ///   - chunkSize: how many inputs travel together. nil: chosen, and adapted, by how long they take.
  ///   - progress: called on the calling thread as results come, with how many there are, and how many there will be if that is known.
  ///   - transform: runs on a thread of the pool; an async one on a task, for which the thread waits.
  /// - Throws: what `map` throws.
  @discardableResult
  public func starmap<each A: Sendable, Out: Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) throws -> Out
  ) throws -> [Out] {
    try runMap(
      ArgumentPacks<_, ThreadArguments<repeat each A>>(tuples: inputs), chunkSize, progress, .starred(transform),
      failsFast: true
    ).values()
  }

  /// The same with an async `transform`.
  @discardableResult
  public func starmap<each A: Sendable, Out: Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) async throws -> Out
  ) throws -> [Out] {
    try runMap(
      ArgumentPacks<_, ThreadArguments<repeat each A>>(tuples: inputs), chunkSize, progress, .starred(async: transform),
      failsFast: true
    ).values()
  }

  /// The same, without blocking a thread. When the task is cancelled, what has not begun is dropped, and it throws `CancellationError`.
  @discardableResult
  public nonisolated(nonsending) func starmap<each A: Sendable, Out: Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) throws -> Out
  ) async throws -> [Out] {
    try await runMap(
      ArgumentPacks<_, ThreadArguments<repeat each A>>(tuples: inputs), chunkSize, progress, .starred(transform),
      failsFast: true
    ).values()
  }

  /// The same with an async `transform`, without blocking a thread.
  @discardableResult
  public nonisolated(nonsending) func starmap<each A: Sendable, Out: Sendable>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) async throws -> Out
  ) async throws -> [Out] {
    try await runMap(
      ArgumentPacks<_, ThreadArguments<repeat each A>>(tuples: inputs), chunkSize, progress, .starred(async: transform),
      failsFast: true
    ).values()
  }
}
