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
  private var order: ResultOrder<Out>

  init(_ mapping: ThreadPoolMapping<Inputs, Out>, isOrdered: Bool) {
    self.mapping = mapping
    order = ResultOrder(isOrdered: isOrdered)
  }

  /// Sets the threads to work.
  func begin() throws { _ = try turn() }

  private func turn() throws -> Bool { try mapping.turn(unread: order.unread) { order.add($0, $1) } }

  private func step() -> (result: Result<Out, any Error>?, isOver: Bool, hasMoved: Bool) {
    var hasMoved = false
    if order.isWanting {
      do {
        hasMoved = try turn()
      } catch {
        // The pool was terminated.
        mapping.abandon()
        order.fail(error)
      }
    }
    let (result, isOver) = order.next(isDone: mapping.isDone)
    return (result, isOver, hasMoved)
  }

  override func cancel() {
    order.cancel()
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
