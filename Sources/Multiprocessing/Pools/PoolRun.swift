internal import MultiprocessingEngine

/// What is done with each input, and how a pool's calls carry it out: the functions behind the public ones.
extension Pool {
  typealias Progress = @Sendable (_ done: Int, _ total: Int?) -> Void

  private func mapping<In, Out, Inputs: Sequence>(
    _ inputs: Inputs, _ chunkSize: Int?, _ task: PoolTask<In, Out>, _ known: PoolFunctionBody? = nil
  ) throws -> PoolMapping<Inputs.Iterator, Out> where Inputs.Element == In {
    try core.requireParent()
    if let chunkSize, chunkSize < 1 { throw PoolError.invalidArgument("a chunk of \(chunkSize) inputs: give 1 or more") }
    if known != nil { try core.requireOpen() }
    let function = try known ?? core.register(task)
    let total = (inputs as? any Collection).map { $0.count }
    let chunking = PoolChunking(fixed: chunkSize, processes: core.settings.processes, total: total)
    return PoolMapping(core, task, function, ownsFunction: known == nil, inputs.makeIterator(), chunking)
  }

  // MARK: Maps

  func runMap<In, Out>(
    _ inputs: some Sequence<In>, _ chunkSize: Int?, _ progress: Progress?, _ task: PoolTask<In, Out>,
    _ known: PoolFunctionBody? = nil
  ) throws -> [Out] {
    let map = PoolMap(try mapping(inputs, chunkSize, task, known), core, progress, failsFast: true)
    try map.run()
    return try map.values()
  }

  nonisolated(nonsending) func runMap<In, Out>(
    _ inputs: some Sequence<In>, _ chunkSize: Int?, _ progress: Progress?, _ task: PoolTask<In, Out>,
    _ known: PoolFunctionBody? = nil
  ) async throws -> [Out] {
    let map = PoolMap(try mapping(inputs, chunkSize, task, known), core, progress, failsFast: true)
    try await map.runSuspended()
    return try map.values()
  }

  func runMapResults<In, Out>(
    _ inputs: some Sequence<In>, _ chunkSize: Int?, _ progress: Progress?, _ task: PoolTask<In, Out>,
    _ known: PoolFunctionBody? = nil
  ) throws -> [Result<Out, any Error>] {
    let map = PoolMap(try mapping(inputs, chunkSize, task, known), core, progress, failsFast: false)
    try map.run()
    return map.results()
  }

  nonisolated(nonsending) func runMapResults<In, Out>(
    _ inputs: some Sequence<In>, _ chunkSize: Int?, _ progress: Progress?, _ task: PoolTask<In, Out>,
    _ known: PoolFunctionBody? = nil
  ) async throws -> [Result<Out, any Error>] {
    let map = PoolMap(try mapping(inputs, chunkSize, task, known), core, progress, failsFast: false)
    try await map.runSuspended()
    return map.results()
  }

  // MARK: Streams

  func runStream<In, Out>(
    _ inputs: some Sequence<In>, _ chunkSize: Int, isOrdered: Bool, _ task: PoolTask<In, Out>,
    _ known: PoolFunctionBody? = nil
  ) throws -> PoolResults<Out> {
    let stream = PoolStreaming(try mapping(inputs, chunkSize, task, known), core, isOrdered: isOrdered)
    try stream.begin()
    return PoolResults(stream, of: self)
  }

  // MARK: Submissions

  func runSubmit<In, Out>(_ input: In, _ task: PoolTask<In, Out>, _ known: PoolFunctionBody? = nil) throws -> Future<Out> {
    try core.requireParent()
    try core.requireOpen()
    // Encoded first: what cannot be throws here, and is nobody's task.
    let encoder = WireEncoder(carriesDescriptors: true)
    if task.input.stride == nil { try task.input.encode(input, encoder) }
    let function = try known ?? core.register(task)
    let cancellation = PoolCancellation(core)
    let future = Future<Out>(
      cancel: { cancellation.cancel() }, help: { [core] in core.help() }, keeping: self)
    let job = PoolSubmission(task, function, future.completer, ownsFunction: known == nil)
    cancellation.use(for: job)
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
      throw (error as? SystemFailure).map { SystemError($0) } ?? error
    }
    return future
  }
}

/// A map whose results are all kept.
final class PoolMap<Inputs: IteratorProtocol, Out> {
  private let mapping: PoolMapping<Inputs, Out>
  private let core: PoolCore
  private let progress: Pool.Progress?
  private let failsFast: Bool
  private let store: PoolStore<Out>
  private let total: Int?
  private var told = 0

  init(_ mapping: PoolMapping<Inputs, Out>, _ core: PoolCore, _ progress: Pool.Progress?, failsFast: Bool) {
    self.mapping = mapping
    self.core = core
    self.progress = progress
    self.failsFast = failsFast
    total = mapping.total
    store = PoolStore(expecting: total ?? 0)
  }

  /// Nothing more will come, or need come.
  private var isDone: Bool {
    guard failsFast, let failure = store.firstFailure else { return mapping.isDone }
    return store.isSettled(before: failure)
  }

  /// False when nothing has come.
  private func turn() throws -> Bool {
    let failure = store.firstFailure
    let hasMoved = try mapping.turn(
      unread: 0, numbers: { store.put($0, $1, numbers: $2) }, item: { store.put($0, $1) })
    if failsFast, let first = store.firstFailure, first != failure { mapping.stop(after: first) }
    if let progress, mapping.answered > told {
      told = mapping.answered
      progress(told, mapping.isExhausted && (!failsFast || store.failures.isEmpty) ? mapping.fed : total)
    }
    return hasMoved
  }

  /// Blocks until all is done.
  func run() throws {
    core.enter()
    var isDriving = true
    defer { if isDriving { core.leave() } }
    while true {
      let hasMoved = try turn()
      if isDone { break }
      if hasMoved || core.watchForMail(mapping.job) { continue }
      let latch = Latch()
      guard mapping.sleep({ latch.open() }) else { continue }
      core.leave()
      isDriving = false
      _ = latch.wait(until: .never)
      core.enter()
      isDriving = true
    }
  }

  /// The same without blocking a thread. When the task is cancelled, what is left of the work is dropped, and what runs is ended.
  nonisolated(nonsending) func runSuspended() async throws {
    do {
      while true {
        try Task.checkCancellation()
        let hasMoved = try turn()
        if isDone { break }
        if hasMoved { continue }
        let latch = TaskLatch()
        guard mapping.sleep({ latch.open() }) else { continue }
        _ = try await latch.wait(until: .never)
      }
    } catch {
      if error is CancellationError { mapping.abandon(kills: true) }
      throw error
    }
  }

  /// Throws what the first item threw that failed.
  func values() throws -> [Out] {
    if let first = store.firstFailure, let error = store.failures[first] { throw error }
    return store.takeValues(mapping.fed)
  }

  func results() -> [Result<Out, any Error>] { store.takeResults(mapping.fed) }
}
