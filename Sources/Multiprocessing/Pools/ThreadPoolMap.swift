/// A map whose results are all kept.
final class ThreadPoolMap<Inputs: IteratorProtocol, Out: Sendable> where Inputs.Element: Sendable {
  private let mapping: ThreadPoolMapping<Inputs, Out>
  private let progress: ThreadPool.Progress?
  private let failsFast: Bool
  private let store: PoolStore<Out>
  private var told = 0

  init(_ mapping: ThreadPoolMapping<Inputs, Out>, _ progress: ThreadPool.Progress?, failsFast: Bool) {
    self.mapping = mapping
    self.progress = progress
    self.failsFast = failsFast
    store = PoolStore(expecting: mapping.total ?? 0)
  }

  /// Nothing more will come, or need come.
  private var isDone: Bool {
    guard failsFast, let failure = store.firstFailure else { return mapping.isDone }
    return store.isSettled(before: failure)
  }

  /// False when nothing has come.
  private func turn() throws -> Bool {
    let failure = store.firstFailure
    let hasMoved = try mapping.turn(unread: 0) { store.put($0, $1) }
    if failsFast, let first = store.firstFailure, first != failure { mapping.stop(after: first) }
    if let progress, mapping.answered > told {
      told = mapping.answered
      let total = mapping.isExhausted && (!failsFast || store.failures.isEmpty) ? mapping.fed : mapping.total
      TerminalProgress.$failures.withValue(store.failures.count) { progress(told, total) }
    }
    return hasMoved
  }

  /// Blocks until all is done.
  func run() throws {
    while true {
      let hasMoved = try turn()
      if isDone { return }
      if !hasMoved { mapping.wait() }
    }
  }

  /// The same without blocking a thread. When the task is cancelled, what has not begun is dropped.
  nonisolated(nonsending) func runSuspended() async throws {
    while true {
      try Task.checkCancellation()
      let hasMoved = try turn()
      if isDone { return }
      if !hasMoved { try await mapping.waitSuspended() }
    }
  }

  /// Throws what the first item threw that failed.
  func values() throws -> [Out] {
    if let first = store.firstFailure, let error = store.failures[first] { throw error }
    return store.takeValues(mapping.fed)
  }

  func results() -> [Result<Out, any Error>] { store.takeResults(mapping.fed) }
}

/// A map whose results are taken one by one. Inputs are pulled when a result is asked for, and no more of them than threads need.
final class ThreadPoolStream<Inputs: IteratorProtocol, Out: Sendable>: PoolStream<Out>
where Inputs.Element: Sendable {
  private let mapping: ThreadPoolMapping<Inputs, Out>
  private let isOrdered: Bool
  /// What came ahead of its turn.
  private var early: [Int: Result<Out, any Error>] = [:]
  private var ready = PoolDeque<Result<Out, any Error>>()
  /// The place of the next result in order.
  private var place = 0
  private var hasFailed = false
  private var isCancelled = false

  init(_ mapping: ThreadPoolMapping<Inputs, Out>, isOrdered: Bool) {
    self.mapping = mapping
    self.isOrdered = isOrdered
  }

  /// Sets the threads to work.
  func begin() throws { _ = try turn() }

  private func turn() throws -> Bool {
    try mapping.turn(unread: ready.count + early.count) { take($0, $1) }
  }

  private func take(_ index: Int, _ result: Result<Out, any Error>) {
    guard isOrdered else { return ready.append(result) }
    early[index] = result
    while let result = early.removeValue(forKey: place) {
      ready.append(result)
      place += 1
    }
  }

  /// The next one that is there; nil when there is none, and `isOver` says whether one will come.
  private func step() -> (result: Result<Out, any Error>?, isOver: Bool, hasMoved: Bool) {
    if isCancelled { return (nil, true, true) }
    var hasMoved = false
    do {
      hasMoved = try turn()
    } catch {
      // The pool was terminated: told once, in the place of the next result.
      mapping.abandon()
      if ready.isEmpty {
        defer { hasFailed = true }
        return (hasFailed ? nil : .failure(error), hasFailed, true)
      }
    }
    if let result = ready.popFirst() { return (result, false, true) }
    return (nil, mapping.isDone, hasMoved)
  }

  override func cancel() {
    isCancelled = true
    mapping.abandon()
  }

  override func next() -> Result<Out, any Error>? {
    while true {
      let (result, isOver, hasMoved) = step()
      if let result { return result }
      if isOver { return nil }
      if !hasMoved { mapping.wait() }
    }
  }

  override nonisolated(nonsending) func nextSuspended() async throws -> Result<Out, any Error>? {
    while true {
      let (result, isOver, hasMoved) = step()
      if let result { return result }
      if isOver { return nil }
      if !hasMoved { try await mapping.waitSuspended() }
    }
  }
}
