internal import MultiprocessingEngine

/// Worker processes that run functions over many inputs. Python's `Pool`, and its `ProcessPoolExecutor`.
///
///     let pool = try Pool()
///     let squares = try pool.map(1...1000) { $0 * $0 }
///     let answer = try pool.submit({ (a: Int, b: Int) in a * b }, args: (6, 7))
///     print(squares.count, try answer.result())
///
/// Any closure works, captures included, at any time: workers are forks of this program, made when they are needed, and those that were made
/// before a closure existed are replaced. `register` makes a function known once, for many calls.
///
/// A worker that dies takes down the one item that it was running, which fails with the error that tells why, or is tried again (`retries`); a new
/// worker takes its place, and everything else goes on. Inputs and results cross in shared memory; they are `Codable & Sendable`.
///
/// The pool belongs to the process that made it: in a child of it the methods that throw throw `ProcessError.notParent`. Workers may have
/// pools of their own. A pool that nobody holds any more is terminated; futures and results that somebody still waits for hold it.
public final class Pool: Sendable {
  let core: PoolCore

  /// - Parameters:
  ///   - processes: how many workers there are at most; nil: `availableCPUCount()`. They are started as there is work for them.
  ///   - tasksPerChild: how many items a worker runs before it is replaced; nil: no limit. Python's `maxtasksperchild`.
  ///   - memoryLimit: bytes beyond what a worker starts with. The item that goes past it fails with `ProcessError.limitExceeded`.
  ///   - taskTimeout: the time an item may take, counted from its start. Past it, its worker is killed, and it fails with `TimeoutError`. A worker that
  ///     does not even begin with what it was given for that long, and for a second at least, as one that was stopped, is replaced, and that goes to
  ///     others; without a timeout it keeps the first of it until it goes on.
  ///   - retries: how often an item is run again that has cost its worker by a death, a timeout or a limit. Never for an error that was thrown.
  ///   - recycleAbove: resident bytes of a worker. One that holds more after an item is replaced.
  ///   - initializer: runs in each worker at its beginning.
  /// - Throws: `PoolError.invalidArgument`; `SystemError` when the system lacks memory or descriptors.
  public init(
    processes: Int? = nil, tasksPerChild: Int? = nil, memoryLimit: Int? = nil, taskTimeout: Duration? = nil,
    retries: Int = 0, recycleAbove: Int? = nil, initializer: (@Sendable () throws -> Void)? = nil
  ) throws {
    let settings = PoolSettings(
      processes: processes ?? availableCPUCount(), tasksPerChild: tasksPerChild, memoryLimit: memoryLimit,
      taskTimeout: taskTimeout, retries: retries, recycleAbove: recycleAbove, initializer: initializer,
      spins: availableCPUCount() > 1)
    core = try PoolCore(settings)
  }

  init(settings: PoolSettings) throws { core = try PoolCore(settings) }

  deinit { core.terminate() }

  /// What the workers have done so far; of one that is at work, up to the last chunk that it has ended.
  public var statistics: PoolStatistics { core.statistics }

  /// Takes no more tasks. Those that were submitted are run to their end; then the workers end.
  public func close() { core.close() }

  /// Ends the workers at once. What has not ended fails with `CancellationError`.
  public func terminate() { core.terminate() }

  /// Waits until the last worker of a pool that was closed or terminated is gone. A pool that was closed has results of `imap` to bring as long as
  /// somebody may ask for them: take them, or let go of them, ahead of this.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Returns: false when time ran out.
  /// - Throws: `PoolError.stillOpen`; `ProcessError.notParent`.
  @discardableResult
  public func join(timeout: Duration? = nil) throws -> Bool {
    try core.requireNotOpen()
    do {
      try core.end.result(timeout: timeout)
      return true
    } catch is TimeoutError {
      return false
    }
  }

  /// The same, without blocking a thread.
  ///
  /// - Throws: `CancellationError`, at once, when the task is cancelled, and what the blocking one throws.
  @discardableResult
  public nonisolated(nonsending) func join(timeout: Duration? = nil) async throws -> Bool {
    try core.requireNotOpen()
    do {
      try await core.end.result(timeout: timeout)
      return true
    } catch is TimeoutError {
      return false
    }
  }
}

/// A function that a pool's workers know: made by `Pool.register`, called as often as wanted. The pool lets go of it, and of what it has captured,
/// when nobody holds it any more and the calls that were made with it have ended, and when the pool ends.
public struct PoolFunction<In: Sendable, Out: Sendable>: Sendable {
  let registration: PoolRegistration
  // Sendable: the closures in it are, since those that `register` takes are.
  let task: UncheckedTask

  struct UncheckedTask: @unchecked Sendable {
    // Sendable: a @Sendable function of the user's, and functions that touch nothing but their arguments.
    let task: PoolTask<In, Out>
  }
}
