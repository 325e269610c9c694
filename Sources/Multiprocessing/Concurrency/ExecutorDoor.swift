@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) internal import _Concurrency

/// Where jobs of Swift concurrency are to run.
enum JobPlace {
  /// The main actor's.
  case mainThread
  /// Everybody else's.
  case pool
}

/// Takes the jobs of Swift concurrency in the place of the executors that the concurrency library brings along.
protocol JobReceiver: AnyObject, Sendable {
  /// False in a process that was forked since: its threads are not there.
  var isOfThisProcess: Bool { get }
  /// Whether the calling thread is the one that runs the main actor's jobs.
  var isOnMainThread: Bool { get }
  /// Takes a job that is ready, or will be after `delay`.
  func take(_ job: UnownedJob, for place: JobPlace, after delay: Duration?)
}

/// The one door to what the concurrency library does not offer in public: executors in the place of its own.
///
/// What is relied on, and tested in `ExecutorDoorTests`: `_createExecutors` installs a `MainExecutor` and a default `TaskExecutor`
/// once the library has made its own; all that is enqueued goes through them from then on, what sleeps through the
/// latter's `SchedulingExecutor` method; and the isolation of the main actor is the main executor's word.
enum ExecutorDoor {
  // Safe: written by the only thread that a process has at the time.
  fileprivate nonisolated(unsafe) static var receiver: (any JobReceiver)?

  /// Has the library make its own executors, which it does once and would put in the place of ours, and ours. To be called in the
  /// parent, so that a child does not.
  static func prepare() {
    _ = MainActor.executor
    _ = Task<Never, Never>.defaultExecutor
    _ = (Executors.mainExecutor, Executors.defaultExecutor)
  }

  /// From here on `receiver` gets all jobs of this process. For a process with one thread, which has run no job yet.
  static func open(for receiver: any JobReceiver) {
    self.receiver = receiver
    _createExecutors(factory: Executors.self)
  }

  /// Runs a job on the calling thread.
  static func run(_ job: UnownedJob, in place: JobPlace) {
    switch place {
    case .mainThread: job.runSynchronously(on: MainActor.sharedUnownedExecutor)
    case .pool: job.runSynchronously(on: noSerialExecutor)
    }
  }

  /// What the library itself passes for a job that no actor has a say in: two words of zero. A task executor in its
  /// place would count as one that the task prefers, and be left again at the next call.
  private static var noSerialExecutor: UnownedSerialExecutor { unsafeBitCast((0, 0), to: UnownedSerialExecutor.self) }
}

private enum Executors: ExecutorFactory {
  static let main = MainThreadExecutor()
  static let pool = PoolExecutor()
  static var mainExecutor: any MainExecutor { main }
  static var defaultExecutor: any TaskExecutor { pool }

  static func pass(_ job: consuming ExecutorJob, to place: JobPlace, after delay: Duration? = nil) {
    guard let receiver = ExecutorDoor.receiver, receiver.isOfThisProcess else {
      fatalError("Swift concurrency in a synchronous child of an async one: give the process an async target")
    }
    receiver.take(UnownedJob(job), for: place, after: delay)
  }
}

private final class MainThreadExecutor: MainExecutor {
  func enqueue(_ job: consuming ExecutorJob) { Executors.pass(job, to: .mainThread) }

  func isIsolatingCurrentContext() -> Bool? { ExecutorDoor.receiver?.isOnMainThread }

  func checkIsolated() {
    guard isIsolatingCurrentContext() == true else { fatalError("not on the main thread") }
  }

  // The loop is the receiver's own: `main` of a program is the only caller, and a child has none.
  func run() { fatalError("the main actor of a child cannot be run by hand") }
  func runUntil(_ condition: () -> Bool) { run() }
  func stop() {}
}

private final class PoolExecutor: TaskExecutor, SchedulingExecutor {
  func enqueue(_ job: consuming ExecutorJob) { Executors.pass(job, to: .pool) }

  func enqueue<C: Clock>(_ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C) {
    // A clock that counts in something else sleeps by itself, and comes here with none of its own.
    guard let delay = delay as? Duration else { fatalError("a child cannot sleep for a \(C.Duration.self)") }
    Executors.pass(job, to: .pool, after: delay)
  }
}
