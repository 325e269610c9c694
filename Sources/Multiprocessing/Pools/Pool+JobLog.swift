internal import MultiprocessingEngine

// Maps that write down what they do, and go on where an earlier run ended.
extension Pool {
  /// Calls `transform` with each input, in the workers, and writes a line to a log for each that has ended; otherwise as the
  /// `mapResults` without a log.
  ///
  ///     let pool = try Pool()
  ///     let results = try pool.mapResults(1...9, jobLog: "/tmp/squares.log", resume: true) { $0 * $0 }
  ///     print(results.count)
  ///
  /// The lines are those of GNU parallel's `--joblog`, with tabs between their fields: the sequence number, the worker's pid, start (seconds since
  /// 1970), seconds taken, "ok" or "failed", a hash of the input, the error's text, and the encoded result. Each is written at once and whole, so
  /// what a kill leaves tells all that was done. A worker that died has told neither its start nor the time it took.
  ///
  /// - Parameters:
  ///   - inputs: pulled as workers need them, on the calling thread.
  ///   - jobLog: the path of the log.
  ///   - resume: whether inputs that the log tells have succeeded are not run again, and their results taken from it. An input is known by its place and
  ///     by what it is encoded to: a set or a dictionary is encoded to something else in each run. False begins the log anew.
  ///   - chunkSize: how many inputs travel together. nil: chosen, and adapted, by how long they take and how large they are.
  ///   - progress: called on the calling thread as results come, with how many there are, and how many there will be if that is known.
  ///   - transform: runs in a worker; what it captured is as it was at the call.
  /// - Throws: what the `mapResults` without a log throws; `SystemError` for a log that cannot be written or read.
  public func mapResults<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, jobLog: String, resume: Bool = false, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> [Result<Out, any Error>] {
    let logged = LoggedInputs<_, Out>(inputs, try JobLog(jobLog, resume: resume))
    let task = PoolTask<In, LoggedJob<Out>>({ input in LoggedJob { try transform(input) } }, .codable())
    return try runLogged(logged, knownCount(of: inputs), chunkSize, progress, task)
  }

  /// The same with an async `transform`.
  public func mapResults<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, jobLog: String, resume: Bool = false, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> [Result<Out, any Error>] {
    let logged = LoggedInputs<_, Out>(inputs, try JobLog(jobLog, resume: resume))
    let task = PoolTask<In, LoggedJob<Out>>(
      async: { input in await LoggedJob { try await transform(input) } }, .codable())
    return try runLogged(logged, knownCount(of: inputs), chunkSize, progress, task)
  }

  /// The same, without blocking a thread. When the task is cancelled, what is left is dropped, what runs is ended, and it throws
  /// `CancellationError`.
  public nonisolated(nonsending) func mapResults<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, jobLog: String, resume: Bool = false, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) async throws -> [Result<Out, any Error>] {
    let logged = LoggedInputs<_, Out>(inputs, try JobLog(jobLog, resume: resume))
    let task = PoolTask<In, LoggedJob<Out>>({ input in LoggedJob { try transform(input) } }, .codable())
    return try await runLoggedSuspended(logged, knownCount(of: inputs), chunkSize, progress, task)
  }

  /// The same with an async `transform`, without blocking a thread.
  public nonisolated(nonsending) func mapResults<In: Codable & Sendable, Out: Codable & Sendable>(
    _ inputs: some Sequence<In>, jobLog: String, resume: Bool = false, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) async throws -> [Result<Out, any Error>] {
    let logged = LoggedInputs<_, Out>(inputs, try JobLog(jobLog, resume: resume))
    let task = PoolTask<In, LoggedJob<Out>>(
      async: { input in await LoggedJob { try await transform(input) } }, .codable())
    return try await runLoggedSuspended(logged, knownCount(of: inputs), chunkSize, progress, task)
  }

  private static func progress(
    _ progress: @escaping Progress, beside counts: JobCounts, of total: Int?
  ) -> Progress {
    { done, _ in
      TerminalProgress.$failures.withValue(counts.failures) { progress(done + counts.passedOver, total) }
    }
  }

  private func loggedMap<Inputs: Sequence, Out>(
    _ logged: LoggedInputs<Inputs, Out>, _ total: Int?, _ chunkSize: Int?, _ progress: Progress?,
    _ task: PoolTask<Inputs.Element, LoggedJob<Out>>
  ) throws -> PoolMap<Inputs.Element, LoggedJob<Out>> {
    let inputs = PoolInputs<Inputs.Element>(total: nil, next: logged.next) { target, most in
      let target = target.assumingMemoryBound(to: Inputs.Element.self)
      var count = 0
      while count < most, let input = logged.next() {
        (target + count).initialize(to: input)
        count += 1
      }
      return count
    }
    let told = progress.map { Self.progress($0, beside: logged.counts, of: total) }
    return PoolMap(
      try mapping(inputs, chunkSize, task), core, told, failsFast: false, note: { try logged.note($0, $1) })
  }

  private func runLogged<Inputs: Sequence, Out>(
    _ logged: LoggedInputs<Inputs, Out>, _ total: Int?, _ chunkSize: Int?, _ progress: Progress?,
    _ task: PoolTask<Inputs.Element, LoggedJob<Out>>
  ) throws -> [Result<Out, any Error>] {
    let map = try loggedMap(logged, total, chunkSize, progress, task)
    try map.run()
    return logged.results(map.results())
  }

  private nonisolated(nonsending) func runLoggedSuspended<Inputs: Sequence, Out>(
    _ logged: LoggedInputs<Inputs, Out>, _ total: Int?, _ chunkSize: Int?, _ progress: Progress?,
    _ task: PoolTask<Inputs.Element, LoggedJob<Out>>
  ) async throws -> [Result<Out, any Error>] {
    let map = try loggedMap(logged, total, chunkSize, progress, task)
    try await map.runSuspended()
    return logged.results(map.results())
  }
}
