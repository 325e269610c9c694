internal import Glibc
internal import MultiprocessingEngine

/// What runs a child's concurrency: its first thread for the main actor, and a pool of threads that grows up to the number of
/// processors as there is work.
final class ChildExecutors: JobReceiver {
  private typealias Station = JobStation<UnownedJob>

  /// How often the main thread looks whether anything still moves, and how often while jobs pile up.
  private static let patience = (usual: Duration.seconds(1), congested: Duration.milliseconds(50))

  /// A bound for the threads that take the place of blocked ones.
  private static let mostThreads = 512

  private let generation = Generation.current
  // pthread_t is a number; nothing is done with it but comparing.
  private let mainThread = pthread_self()
  private let main = Station(threads: 1, threadLimit: 1)
  private let pool: Station
  /// Why there is no thread for the pool's jobs.
  private let failure = ForkAwareLock<SystemFailure?>(nil)

  /// Whether a body was given up that may come back to life: these executors are not for another one.
  // Safe: touched by the main thread alone.
  private(set) nonisolated(unsafe) var isSpoilt = false

  /// For the process' only thread, which becomes the main one.
  /// - Parameter threads: how many threads of the pool are useful; there may be two in any case.
  init(threads: Int) {
    pool = Station(threads: 0, threadLimit: max(2, threads))
  }

  // MARK: Taking jobs

  var isOfThisProcess: Bool { generation.isCurrent }
  var isOnMainThread: Bool { pthread_equal(pthread_self(), mainThread) != 0 }

  func take(_ job: UnownedJob, for place: JobPlace, after delay: Duration?) {
    let time = delay.map { Deadline(after: $0) } ?? .now
    // The job that ends a sleep comes without one.
    let priority = job.priority.rawValue == 0 ? TaskPriority.medium.rawValue : job.priority.rawValue
    switch place {
    case .mainThread: _ = main.add(job, priority: priority, at: time)
    case .pool: if pool.add(job, priority: priority, at: time) { startThread() }
    }
  }

  private func startThread() {
    do throws(SystemFailure) {
      try DetachedThread.start { [self] in
        while case .job(let job) = pool.next() { ExecutorDoor.run(job, in: .pool) }
      }
    } catch {
      // The others do its work. Without any, nobody does.
      guard pool.lackThread() else { return }
      failure.withLock { $0 = error }
      main.close()
    }
  }

  // MARK: The main thread

  /// Runs the main actor's jobs until `finish()`.
  ///
  /// Throws `SystemError` when not one thread can be had, and what `stalled` tells of when all of them wait for what nobody is left to bring about. A
  /// child that `mayBeWoken` by something else than a thread never counts as stalled.
  func runMainThread(mayBeWoken: Bool) throws {
    var congestion: (departures: UInt64, processorTime: Duration)?
    while true {
      let patience = congestion == nil ? Self.patience.usual : Self.patience.congested
      switch main.next(until: Deadline(after: patience)) {
      case .job(let job): ExecutorDoor.run(job, in: .mainThread)
      case .outOfTime:
        if !mayBeWoken && isStalled {
          isSpoilt = true
          throw Self.stalled
        }
        let before = congestion
        congestion = pool.congestion.map { ($0, Self.processorTime) }
        guard let before, let congestion, before.departures == congestion.departures else { continue }
        // Jobs that nobody has come for since the last look, while nothing was computed either: the threads are blocked, by what
        // tasks should not do.
        let isIdle = congestion.processorTime - before.processorTime < patience / 4
        if isIdle && pool.threadCount < Self.mostThreads && pool.widen() { startThread() }
      case .closed:
        if let failure = failure.withLock({ $0 }) {
          isSpoilt = true
          throw SystemError(failure)
        }
        return
      }
    }
  }

  /// Lets `runMainThread` return.
  func finish() { main.close() }

  /// Lets `runMainThread` run once more.
  func resume() { main.open() }

  /// Lets the threads of the pool end, when there is no job any more. A child need not: its end is theirs.
  func dismiss() { pool.close() }

  /// Whether nothing can ever happen any more: there are no other threads than these, and nothing was left for them to do
  /// before they were counted, nor came meanwhile. The main station is looked at last: a body that has ended has closed it.
  private var isStalled: Bool {
    guard let ofMain = main.stillness(awake: 1), let ofPool = pool.stillness() else { return false }
    guard Host.threadCount == 1 + pool.threadCount else { return false }
    return pool.stillness() == ofPool && main.stillness(awake: 1) == ofMain
  }

  /// What all threads together have used.
  private static var processorTime: Duration {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  private static var stalled: ProcessError {
    .thrown(
      RemoteError(
        typeName: "StalledError",
        description:
          "the async body waits for something that no thread of the child is left to bring about, such as an "
          + "actor or a task that was running in the parent at the fork, or a Dispatch queue"))
  }
}
