internal import MultiprocessingEngine

/// What a wait for several futures waits for.
public enum FutureCondition: Sendable, Hashable {
  /// One of them is done.
  case firstCompleted
  /// One of them has failed, or all are done. A cancelled one has not failed. Python's `FIRST_EXCEPTION`.
  case firstFailed
  /// All of them are done.
  case allCompleted
}

/// Waits for several futures. Python's `concurrent.futures.wait`.
///
/// - Parameters:
///   - futures: done or not; none at all are all done.
///   - condition: what to wait for; by default until all are done.
///   - timeout: nil waits for ever.
/// - Returns: those that are done and the others, each in the order given.
/// - Throws: `TimeoutError`; `FutureError.notParent` for futures that another process made.
public func waitForFutures<Output>(
  _ futures: some Sequence<Future<Output>>, until condition: FutureCondition = .allCompleted, timeout: Duration? = nil
) throws -> (done: [Future<Output>], pending: [Future<Output>]) {
  let futures = Array(futures)
  let latch = Latch()
  let wait = try FuturesWait(futures, condition) { latch.open() }
  defer { wait.end() }
  let deadline = Deadline(after: timeout)
  while !latch.isOpen, !deadline.hasPassed, futures.contains(where: { $0.help() }) {}
  guard latch.wait(until: deadline) else { throw FuturesWait<Output>.outOfTime(timeout) }
  return wait.split
}

/// The same, without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once, and leaves the futures
/// as they are.
///
/// - Parameters:
///   - futures: done or not; none at all are all done.
///   - condition: what to wait for; by default until all are done.
///   - timeout: nil waits for ever.
/// - Returns: those that are done and the others, each in the order given.
/// - Throws: `CancellationError`; `TimeoutError`; `FutureError.notParent`; `SystemError` when the system lacks what the first wait
///   with a timeout needs, a thread and two descriptors.
public nonisolated(nonsending) func waitForFutures<Output>(
  _ futures: some Sequence<Future<Output>>, until condition: FutureCondition = .allCompleted, timeout: Duration? = nil
) async throws -> (done: [Future<Output>], pending: [Future<Output>]) {
  let latch = TaskLatch()
  let wait = try FuturesWait(Array(futures), condition) { latch.open() }
  defer { wait.end() }
  guard try await latch.waitTelling(until: Deadline(after: timeout)) else {
    throw FuturesWait<Output>.outOfTime(timeout)
  }
  return wait.split
}

/// Whether a wait for several has met its condition.
struct FutureTally {
  let condition: FutureCondition
  private var remaining: Int
  private var hasFailed = false
  private var hasAny: Bool

  init(_ condition: FutureCondition, count: Int) {
    self.condition = condition
    remaining = count
    hasAny = count == 0
  }

  var isMet: Bool {
    switch condition {
    case .firstCompleted: hasAny
    case .firstFailed: hasFailed || remaining == 0
    case .allCompleted: remaining == 0
    }
  }

  /// One more is done.
  mutating func add(_ result: Result<some Any, any Error>) {
    remaining -= 1
    hasAny = true
    if case .failure(let error) = result, !(error is CancellationError) { hasFailed = true }
  }
}

/// One wait for several futures: it listens to each, and wakes its waiter when the condition is met.
private final class FuturesWait<Output: Sendable>: Sendable {
  private let futures: [Future<Output>]
  private let tally: ForkAwareLock<FutureTally>
  private let tickets = ForkAwareLock<[UInt64?]>([])

  init(_ futures: [Future<Output>], _ condition: FutureCondition, wake: @escaping @Sendable () -> Void) throws {
    self.futures = futures
    tally = ForkAwareLock(FutureTally(condition, count: futures.count))
    for future in futures { try future.requireParent() }
    let found = futures.map { future in
      // The tally alone: a future that is never done keeps nothing else alive.
      future.addWaiter { [tally] result in
        let isMet = tally.withLock { tally in
          tally.add(result)
          return tally.isMet
        }
        if isMet { wake() }
      }
    }
    tickets.withLock { $0 = found }
    if futures.isEmpty { wake() }
  }

  func end() {
    for (future, ticket) in zip(futures, tickets.withLock({ $0 })) { future.removeWaiter(ticket) }
  }

  /// Each future is looked at once, so that it is in one of both.
  var split: (done: [Future<Output>], pending: [Future<Output>]) {
    var (done, pending): ([Future<Output>], [Future<Output>]) = ([], [])
    for future in futures {
      if future.isDone { done.append(future) } else { pending.append(future) }
    }
    return (done, pending)
  }

  static func outOfTime(_ timeout: Duration?) -> TimeoutError {
    TimeoutError(operation: "several futures", timeout: timeout ?? .zero)
  }
}
