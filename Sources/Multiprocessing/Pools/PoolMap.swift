internal import MultiprocessingEngine

/// A map whose results are all kept.
final class PoolMap<In, Out> {
  private let mapping: PoolMapping<In, Out>
  private let core: PoolCore
  private let progress: Pool.Progress?
  private let failsFast: Bool
  /// Is told of each item as it comes; when it throws, the map ends.
  private let note: ((_ index: Int, Result<Out, any Error>) throws -> Void)?
  private var noteFailure: (any Error)?
  private let store: PoolStore<Out>
  private let total: Int?
  private var told = 0

  init(
    _ mapping: PoolMapping<In, Out>, _ core: PoolCore, _ progress: Pool.Progress?, failsFast: Bool,
    note: ((_ index: Int, Result<Out, any Error>) throws -> Void)? = nil
  ) {
    self.note = note
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
      unread: 0, numbers: { store.put($0, $1, numbers: $2) },
      item: { index, result in
        store.put(index, result)
        if noteFailure == nil { do { try note?(index, result) } catch { noteFailure = error } }
      })
    if let noteFailure {
      mapping.abandon(kills: true)
      throw noteFailure
    }
    if failsFast, let first = store.firstFailure, first != failure { mapping.stop(after: first) }
    if let progress, mapping.answered > told {
      told = mapping.answered
      let total = mapping.isExhausted && (!failsFast || store.failures.isEmpty) ? mapping.fed : total
      TerminalProgress.$failures.withValue(store.failures.count) { progress(told, total) }
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
