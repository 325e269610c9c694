internal import MultiprocessingEngine

/// Threads that run functions over many inputs: `Pool`'s methods, in this process. Python's `ThreadPool`, and its `ThreadPoolExecutor`.
///
///     let pool = try ThreadPool(threads: 8)
///     let squares = try pool.map(1...100) { $0 * $0 }
///     let answer = try pool.submit({ (a: Int, b: Int) in a * b }, args: (6, 7))
///
/// Inputs, arguments and results are handed over as they are: they are `Sendable`, and need not be `Codable`. All share one memory: a crash
/// ends the whole program, and what runs cannot be ended from outside; `Pool` has processes for that.
///
/// A task of the pool may use the pool: where it waits for a map or a future of the same pool that has not begun, its thread runs that. An async one has
/// its thread wait and run nothing: when all threads do so, what it waits for never begins. Give that another pool.
///
/// The pool belongs to the process that made it: in a child the methods that throw throw `ProcessError.notParent`. The program does not wait for its
/// threads: close and join it. A pool that nobody holds any more is terminated; results that somebody still waits for hold it.
public final class ThreadPool: Sendable {
  typealias Progress = @Sendable (_ done: Int, _ total: Int?) -> Void

  let core: ThreadPoolCore

  /// - Parameters:
  ///   - threads: how many there are at most; nil: `availableCPUCount()`. They are started as there is work for them.
  ///   - initializer: runs on each thread at its beginning. An error of it fails what waits with `PoolError.initializerFailed`.
  /// - Throws: `PoolError.invalidArgument`.
  public init(threads: Int? = nil, initializer: (@Sendable () throws -> Void)? = nil) throws {
    let threads = threads ?? availableCPUCount()
    guard threads > 0 else {
      throw PoolError.invalidArgument("a pool of \(threads) threads: give 1 or more, or nil for one for each processor")
    }
    core = ThreadPoolCore(threads: threads, initializer: initializer)
  }

  deinit { core.terminate() }

  /// Takes no more tasks. Those that were submitted are run to their end; then the threads end.
  public func close() { core.close() }

  /// Drops what has not begun, and waits no more for what has: its futures and maps fail with `CancellationError`. The threads end with
  /// what they run at this moment.
  public func terminate() { core.terminate() }

  /// Waits until the last thread of a pool that was closed or terminated has ended its last task.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Returns: false when time ran out.
  /// - Throws: `PoolError.stillOpen`; `ProcessError.notParent`.
  @discardableResult
  public func join(timeout: Duration? = nil) throws -> Bool {
    try core.requireNotOpen()
    return try core.end.wait(until: Deadline(after: timeout))
  }

  /// The same, without blocking a thread.
  ///
  /// - Throws: `CancellationError`, at once, when the task is cancelled, and what the blocking one throws; `SystemError`.
  @discardableResult
  public nonisolated(nonsending) func join(timeout: Duration? = nil) async throws -> Bool {
    try core.requireNotOpen()
    return try await core.end.waitSuspended(until: Deadline(after: timeout))
  }

  /// What the threads have done so far.
  public var statistics: PoolStatistics { core.statistics }

  // MARK: What the public calls do

  func runMap<In, Out, S: Sequence>(
    _ inputs: S, _ chunkSize: Int?, _ progress: Progress?, _ task: ThreadPoolTask<In, Out>, failsFast: Bool
  ) throws -> ThreadPoolMap<S.Iterator, Out> where S.Element == In {
    let map = ThreadPoolMap(try ThreadPoolMapping(core, task, inputs, chunkSize), progress, failsFast: failsFast)
    try map.run()
    return map
  }

  nonisolated(nonsending) func runMap<In, Out, S: Sequence>(
    _ inputs: S, _ chunkSize: Int?, _ progress: Progress?, _ task: ThreadPoolTask<In, Out>, failsFast: Bool
  ) async throws -> ThreadPoolMap<S.Iterator, Out> where S.Element == In {
    let map = ThreadPoolMap(try ThreadPoolMapping(core, task, inputs, chunkSize), progress, failsFast: failsFast)
    try await map.runSuspended()
    return map
  }

  func runStream<In, Out>(
    _ inputs: some Sequence<In>, _ chunkSize: Int, isOrdered: Bool, _ task: ThreadPoolTask<In, Out>
  ) throws -> PoolResults<Out> {
    let stream = ThreadPoolStream(try ThreadPoolMapping(core, task, inputs, chunkSize), isOrdered: isOrdered)
    try stream.begin()
    return PoolResults(stream, of: self)
  }

  func runSubmit<Out>(_ call: @escaping @Sendable () throws -> Out) throws -> Future<Out> {
    try core.requireParent()
    let load = ForkAwareLock<ThreadPoolLoad?>(nil)
    let future = Future<Out>(
      cancel: { [core] in load.withLock { $0 }.map(core.withdraw) ?? false },
      help: { [core] in load.withLock { $0 }.map(core.help) ?? false },
      keeping: self, callbackThread: core.callbackThread)
    let submission = ThreadPoolSubmission(call, future.completer)
    load.withLock { $0 = submission }
    try core.add([(submission, 1)], isNew: true)
    return future
  }
}

/// A function for a pool of threads, made by `ThreadPool.register`: so that what was written for `Pool` works here as well.
public struct ThreadPoolFunction<In: Sendable, Out: Sendable>: Sendable {
  let task: ThreadPoolTask<In, Out>
}
