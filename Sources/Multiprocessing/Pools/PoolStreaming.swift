internal import MultiprocessingEngine

/// Results as they come, whatever the inputs are.
class PoolStream<Out> {
  /// The next result; nil after the last. Blocks.
  func next() -> Result<Out, any Error>? { nil }
  nonisolated(nonsending) func nextSuspended() async throws -> Result<Out, any Error>? { nil }
  /// No result is wanted any more.
  func cancel() {}
}

/// A map whose results are taken one by one. Inputs are pulled when a result is asked for, and no more of them than workers need.
final class PoolStreaming<In, Out>: PoolStream<Out> {
  private let mapping: PoolMapping<In, Out>
  private let core: PoolCore
  private let isOrdered: Bool
  /// What came ahead of its turn.
  private var early: [Int: Result<Out, any Error>] = [:]
  private var ready = PoolDeque<Result<Out, any Error>>()
  /// The place of the next result in order.
  private var place = 0
  private var hasFailed = false
  private var isCancelled = false

  init(_ mapping: PoolMapping<In, Out>, _ core: PoolCore, isOrdered: Bool) {
    self.mapping = mapping
    self.core = core
    self.isOrdered = isOrdered
  }

  /// Sets the workers to work.
  func begin() throws { _ = try turn() }

  private func turn() throws -> Bool {
    try mapping.turn(
      unread: ready.count + early.count,
      numbers: { first, count, numbers in
        let values = numbers.assumingMemoryBound(to: Out.self)
        for index in 0..<count { take(first + index, .success(values[index])) }
      }, item: { take($0, $1) })
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
      // The pool was terminated, or cannot run anything: told once, in the place of the next result.
      mapping.abandon(kills: false)
      defer { hasFailed = true }
      if ready.isEmpty { return (hasFailed ? nil : .failure(error), hasFailed, true) }
    }
    if let result = ready.popFirst() { return (result, false, true) }
    return (nil, mapping.isDone, hasMoved)
  }

  override func cancel() {
    isCancelled = true
    mapping.abandon(kills: true)
  }

  override func next() -> Result<Out, any Error>? {
    while true {
      let (result, isOver, hasMoved) = step()
      if let result { return result }
      if isOver { return nil }
      if hasMoved || core.help(for: mapping.job) { continue }
      let latch = Latch()
      if mapping.sleep({ latch.open() }) { _ = latch.wait(until: .never) }
    }
  }

  override nonisolated(nonsending) func nextSuspended() async throws -> Result<Out, any Error>? {
    while true {
      let (result, isOver, hasMoved) = step()
      if let result { return result }
      if isOver { return nil }
      if hasMoved { continue }
      let latch = TaskLatch()
      if mapping.sleep({ latch.open() }) { _ = try await latch.wait(until: .never) }
    }
  }
}
