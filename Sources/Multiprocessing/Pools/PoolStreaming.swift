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
  private var order: ResultOrder<Out>

  init(_ mapping: PoolMapping<In, Out>, _ core: PoolCore, isOrdered: Bool) {
    self.mapping = mapping
    self.core = core
    order = ResultOrder(isOrdered: isOrdered)
  }

  /// Sets the workers to work.
  func begin() throws { _ = try turn() }

  private func turn() throws -> Bool {
    try mapping.turn(
      unread: order.unread,
      numbers: { first, count, numbers in
        let values = numbers.assumingMemoryBound(to: Out.self)
        for index in 0..<count { order.add(first + index, .success(values[index])) }
      }, item: { order.add($0, $1) })
  }

  private func step() -> (result: Result<Out, any Error>?, isOver: Bool, hasMoved: Bool) {
    var hasMoved = false
    if order.isWanting {
      do {
        hasMoved = try turn()
      } catch {
        // The pool was terminated, or cannot run anything.
        mapping.abandon(kills: false)
        order.fail(error)
      }
    }
    let (result, isOver) = order.next(isDone: mapping.isDone)
    return (result, isOver, hasMoved)
  }

  override func cancel() {
    order.cancel()
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
