internal import MultiprocessingEngine

/// What is done with each input, and how a pool's calls carry it out: the functions behind the public ones.
extension Pool {
  @usableFromInline
  typealias Progress = @Sendable (_ done: Int, _ total: Int?) -> Void

  func mapping<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int?, _ task: PoolTask<In, Out>, _ known: PoolRegistration? = nil
  ) throws -> PoolMapping<In, Out> {
    try core.requireParent()
    if let chunkSize, chunkSize < 1 {
      throw PoolError.invalidArgument("a chunk of \(chunkSize) inputs: give 1 or more")
    }
    if known != nil { try core.requireOpen() }
    let function = try known?.body ?? core.register(task)
    let chunking = PoolChunking(fixed: chunkSize, processes: core.settings.processes, total: inputs.total)
    let mapping = try PoolMapping(core, task, function, ownsFunction: known == nil, inputs, chunking)
    if let known { mapping.job.kept.append(known) }
    return mapping
  }

  // MARK: Maps, with functions that the pool may know already

  @usableFromInline
  func runMap<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int?, _ progress: Progress?, _ task: PoolTask<In, Out>
  ) throws -> [Out] {
    let map = PoolMap(try mapping(inputs, chunkSize, task), core, progress, failsFast: true)
    try map.run()
    return try map.values()
  }

  @usableFromInline
  func runMap<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int?, _ progress: Progress?, _ function: PoolFunction<In, Out>
  ) throws -> [Out] {
    let map = PoolMap(
      try mapping(inputs, chunkSize, task(of: function), function.registration), core, progress, failsFast: true)
    try map.run()
    return try map.values()
  }

  @usableFromInline
  nonisolated(nonsending) func runMap<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int?, _ progress: Progress?, _ task: PoolTask<In, Out>
  ) async throws -> [Out] {
    let map = PoolMap(try mapping(inputs, chunkSize, task), core, progress, failsFast: true)
    try await map.runSuspended()
    return try map.values()
  }

  @usableFromInline
  nonisolated(nonsending) func runMap<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int?, _ progress: Progress?, _ function: PoolFunction<In, Out>
  ) async throws -> [Out] {
    let map = PoolMap(
      try mapping(inputs, chunkSize, task(of: function), function.registration), core, progress, failsFast: true)
    try await map.runSuspended()
    return try map.values()
  }

  @usableFromInline
  func runMapResults<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int?, _ progress: Progress?, _ task: PoolTask<In, Out>
  ) throws -> [Result<Out, any Error>] {
    let map = PoolMap(try mapping(inputs, chunkSize, task), core, progress, failsFast: false)
    try map.run()
    return map.results()
  }

  @usableFromInline
  func runMapResults<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int?, _ progress: Progress?, _ function: PoolFunction<In, Out>
  ) throws -> [Result<Out, any Error>] {
    let map = PoolMap(
      try mapping(inputs, chunkSize, task(of: function), function.registration), core, progress, failsFast: false)
    try map.run()
    return map.results()
  }

  @usableFromInline
  nonisolated(nonsending) func runMapResults<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int?, _ progress: Progress?, _ task: PoolTask<In, Out>
  ) async throws -> [Result<Out, any Error>] {
    let map = PoolMap(try mapping(inputs, chunkSize, task), core, progress, failsFast: false)
    try await map.runSuspended()
    return map.results()
  }

  @usableFromInline
  nonisolated(nonsending) func runMapResults<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int?, _ progress: Progress?, _ function: PoolFunction<In, Out>
  ) async throws -> [Result<Out, any Error>] {
    let map = PoolMap(
      try mapping(inputs, chunkSize, task(of: function), function.registration), core, progress, failsFast: false)
    try await map.runSuspended()
    return map.results()
  }

  // MARK: Streams

  @usableFromInline
  func runStream<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int, isOrdered: Bool, _ task: PoolTask<In, Out>
  ) throws -> PoolResults<Out> {
    try stream(mapping(inputs, chunkSize, task), isOrdered: isOrdered)
  }

  @usableFromInline
  func runStream<In, Out>(
    _ inputs: PoolInputs<In>, _ chunkSize: Int, isOrdered: Bool, _ function: PoolFunction<In, Out>
  ) throws -> PoolResults<Out> {
    try stream(mapping(inputs, chunkSize, task(of: function), function.registration), isOrdered: isOrdered)
  }

  private func stream<In, Out>(_ mapping: PoolMapping<In, Out>, isOrdered: Bool) throws -> PoolResults<Out> {
    let stream = PoolStreaming(mapping, core, isOrdered: isOrdered)
    try stream.begin()
    return PoolResults(stream, of: self)
  }

  // MARK: Submissions

  @usableFromInline
  func runSubmit<In, Out>(_ input: In, _ task: PoolTask<In, Out>) throws -> Future<Out> { try submit(input, task, nil) }

  @usableFromInline
  func runSubmit<In, Out>(_ input: In, _ function: PoolFunction<In, Out>) throws -> Future<Out> {
    try submit(input, task(of: function), function.registration)
  }

  private func task<In, Out>(of function: PoolFunction<In, Out>) throws -> PoolTask<In, Out> {
    guard function.registration.core === core else {
      throw PoolError.invalidArgument("a function of another pool: register() it with this one")
    }
    return function.task.task
  }

  private func submit<In, Out>(_ input: In, _ task: PoolTask<In, Out>, _ known: PoolRegistration?) throws -> Future<Out>
  {
    try core.requireParent()
    try core.requireOpen()
    // Encoded first: what cannot be throws here, and is nobody's task.
    let encoder = WireEncoder(carriesDescriptors: true)
    if task.input.stride == nil { try task.input.encode(input, encoder) }
    let function = try known?.body ?? core.register(task)
    let cancellation = PoolCancellation(core)
    let future = Future<Out>(
      cancel: { cancellation.cancel() }, help: { [core] in core.help() }, keeping: self,
      callbackThread: core.callbackThread)
    let job = PoolSubmission(task, function, future.completer, ownsFunction: known == nil)
    cancellation.use(for: job)
    if !encoder.descriptors.isEmpty { job.kept.append(input) }
    if let known { job.kept.append(known) }
    do {
      let load: PoolLoad
      if let stride = task.input.stride {
        let bytes = stride == 0 ? [] : withUnsafeBytes(of: input) { Array($0) }
        load = PoolLoad(job, base: 0, count: 1, storage: .bytes(bytes))
      } else {
        load = try .encoded(encoder, [encoder.byteCount], in: core.arena, for: job, base: 0)
      }
      try core.with { state, chores in
        guard state.phase == .open else { throw PoolError.closed }
        core.add(load, to: &state)
      }
    } catch {
      if known == nil { core.forget(function) }
      let error = (error as? SystemFailure).map { SystemError($0) } ?? error
      // Nobody has the future; but until it is done it holds what it could be cancelled by.
      future.complete(.failure(error))
      throw error
    }
    return future
  }
}
