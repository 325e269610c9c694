internal import MultiprocessingEngine

/// One task that was submitted, and its future.
final class PoolSubmission<In, Out>: PoolJob, @unchecked Sendable {
  // Sendable: immutable, but for what the pool's lock guards.
  private let task: PoolTask<In, Out>
  private let completer: FutureCompleter<Out>
  private let ownsFunction: Bool

  init(_ task: PoolTask<In, Out>, _ function: PoolFunctionBody, _ completer: FutureCompleter<Out>, ownsFunction: Bool) {
    self.task = task
    self.completer = completer
    self.ownsFunction = ownsFunction
    super.init(function, outputStride: task.output.stride)
  }

  override var isUntold: Bool { true }

  override func end(_ core: PoolCore) { if ownsFunction { core.forget(function) } }

  override var isPools: Bool { true }

  override func noteSent() {
    super.noteSent()
    completer.markRunning()
  }

  override func tell(_ core: PoolCore) {
    let mail = core.takeMail(self)
    if mail.isEmpty { return }
    end(core)
    mail.decode(
      task, numbers: { completer.complete(.success($2.assumingMemoryBound(to: Out.self).pointee)) },
      item: { completer.complete($1) })
  }
}

/// A future's way to cancel a task, for which it has to know it before it exists itself.
final class PoolCancellation: Sendable {
  private let job = ForkAwareLock<PoolJob?>(nil)
  private let core: PoolCore

  init(_ core: PoolCore) { self.core = core }

  func use(for job: PoolJob) { self.job.withLock { $0 = job } }

  /// Whether the task will bring no result any more.
  func cancel() -> Bool {
    guard let job = job.withLock({ $0 }) else { return false }
    let isCancelled = core.with { state, chores in
      // Looked for first: a result that is there is the result.
      state.collect(&chores)
      guard job.mail.isEmpty, !job.isAbandoned else { return job.isAbandoned }
      state.abandon(job, kills: true)
      return true
    }
    if isCancelled { job.end(core) }
    return isCancelled
  }
}
