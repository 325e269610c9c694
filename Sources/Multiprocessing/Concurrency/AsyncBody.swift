internal import MultiprocessingEngine

/// Runs the async body of a child to its end.
enum AsyncBody {
  /// Answers the encoded result: of one type for all, so that a child need not make types of its own.
  typealias Body = @Sendable () async throws -> [UInt8]

  private typealias Outcome = ForkAwareLock<Result<[UInt8], any Error>?>

  /// Runs `body` on a task of its own, and the main actor on the calling thread, which is the child's only one, until `body` has
  /// ended.
  ///
  /// - Parameter threads: how many more are useful.
  static func run(threads: Int, _ body: @escaping Body) throws -> [UInt8] {
    let executors = ChildExecutors(threads: threads)
    ExecutorDoor.open(for: executors)
    let outcome = Outcome(nil)
    let task = Task.detached { await run(body, outcome, executors) }
    if Termination.isCaught { try cancelOnTermination(task) }
    try executors.runMainThread(mayBeWoken: Termination.isCaught)
    return try result(outcome)
  }

  // MARK: Many bodies

  /// Executors for bodies that run one after another. For a process with one thread, once.
  static func open(threads: Int) -> ChildExecutors {
    let executors = ChildExecutors(threads: threads)
    ExecutorDoor.open(for: executors)
    return executors
  }

  /// Runs one of them to its end, on the thread that has opened the executors. What it has left running goes on while the next one runs.
  static func run(_ body: @escaping Body, on executors: ChildExecutors) throws -> [UInt8] {
    executors.resume()
    let outcome = Outcome(nil)
    Task.detached { await run(body, outcome, executors) }
    try executors.runMainThread(mayBeWoken: false)
    return try result(outcome)
  }

  private static func run(_ body: Body, _ outcome: Outcome, _ executors: ChildExecutors) async {
    let result: Result<[UInt8], any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    outcome.withLock { $0 = result }
    executors.finish()
  }

  private static func result(_ outcome: Outcome) throws -> [UInt8] {
    // There is one once `finish` was called, and `runMainThread` returns for nothing else.
    try outcome.withLock { $0! }.get()
  }

  private static func cancelOnTermination(_ task: Task<Void, Never>) throws {
    do throws(SystemFailure) {
      try DetachedThread.start {
        Termination.wait()
        task.cancel()
      }
    } catch {
      throw SystemError(error)
    }
  }

  // MARK: In the parent

  /// Walks the child's path once in the parent, to no effect: what the linker binds and the types that the runtime makes on the way are
  /// then not each child's to pay for in copied pages. The parent's own executors have no part in it, and stay untouched.
  static func rehearse() {
    ExecutorDoor.prepare()
    let executors = ChildExecutors(threads: 1)
    let outcome = Outcome(nil)
    Task.detached(executorPreference: Rehearsal(executors)) {
      await Task.yield()
      await run({ [] }, outcome, executors)
    }
    do {
      try executors.runMainThread(mayBeWoken: true)
      _ = try result(outcome)
    } catch {
      // No thread: a start that lacks the same will say so.
    }
    executors.dismiss()
  }

  /// Passes jobs on as the child's own executors do.
  private final class Rehearsal: TaskExecutor {
    private let executors: ChildExecutors

    init(_ executors: ChildExecutors) { self.executors = executors }

    func enqueue(_ job: consuming ExecutorJob) { executors.take(UnownedJob(job), for: .pool, after: nil) }
  }
}
