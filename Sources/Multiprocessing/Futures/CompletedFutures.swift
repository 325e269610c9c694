internal import MultiprocessingEngine

/// The futures in the order in which they are done, those that are done already first. Python's `as_completed`.
///
///     let pool = try Pool()
///     let futures = try (1...3).map { number in try pool.submit { number * number } }
///     for future in try asCompleted(futures) { print(try future.result()) }
///     for try await future in try asCompleted(futures) { print(try await future.value) }
///
/// - Parameters:
///   - futures: of any order, done or not.
///   - timeout: for the whole loop, counted from this call; nil waits for ever. See ``CompletedFutures``.
/// - Throws: `FutureError.notParent` for futures that another process made.
public func asCompleted<Output>(
  _ futures: some Sequence<Future<Output>>, timeout: Duration? = nil
) throws -> CompletedFutures<Output> {
  try CompletedFutures(Array(futures), timeout)
}

/// Futures in the order in which they are done, as a sequence and as an asynchronous one. Each future is given once: loops over
/// the same one share them.
///
/// When time runs out, `for try await` throws `TimeoutError`, and a blocking loop, which cannot throw, ends: `pending` then holds those it did not
/// get.
public struct CompletedFutures<Output: Sendable>: Sequence, AsyncSequence, Sendable {
  private let futures: [Future<Output>]
  private let line = CompletionLine<Output>()
  private let deadline: Deadline
  private let timeout: Duration?

  init(_ futures: [Future<Output>], _ timeout: Duration?) throws {
    // One that is named twice is given once.
    var seen: Set<Future<Output>> = []
    self.futures = futures.filter { seen.insert($0).inserted }
    self.timeout = timeout
    deadline = Deadline(after: timeout)
    for future in futures { try future.requireParent() }
    line.expect(self.futures)
  }

  /// Those that no loop has got yet, in the order given.
  public var pending: [Future<Output>] { line.notTaken(of: futures) }

  /// The blocking loop.
  public func makeIterator() -> Iterator { Iterator(completed: self) }

  /// The loop of a task.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(completed: self) }

  /// Gives futures as they are done, blocking in between.
  public struct Iterator: IteratorProtocol {
    let completed: CompletedFutures

    /// Waits for the next one; nil when there is no other, or time ran out.
    public mutating func next() -> Future<Output>? {
      while true {
        let latch = Latch()
        switch completed.line.take(orWake: { latch.open() }) {
        case .future(let future): return future
        case .end: return nil
        case .wait(let ticket):
          defer { completed.line.leave(ticket) }
          while !latch.isOpen, !completed.deadline.hasPassed, completed.futures.contains(where: { $0.help() }) {}
          if !latch.wait(until: completed.deadline) { return nil }
        }
      }
    }
  }

  /// Gives futures as they are done, suspending in between.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let completed: CompletedFutures

    /// Waits for the next one, without blocking a thread; nil when there is no other.
    ///
    /// - Throws: `CancellationError` at once when the task is cancelled, which leaves the futures as they are; `TimeoutError`; `SystemError`
    ///   when the system lacks what the first wait with a timeout needs, a thread and two descriptors.
    public nonisolated(nonsending) mutating func next() async throws -> Future<Output>? {
      while true {
        let latch = TaskLatch()
        switch completed.line.take(orWake: { latch.open() }) {
        case .future(let future): return future
        case .end: return nil
        case .wait(let ticket):
          defer { completed.line.leave(ticket) }
          guard try await latch.waitTelling(until: completed.deadline) else {
            throw TimeoutError(operation: "the next of several futures", timeout: completed.timeout ?? .zero)
          }
        }
      }
    }
  }
}

/// Where futures line up as they are done, and loops wait for them.
private final class CompletionLine<Output: Sendable>: Sendable {
  enum Turn {
    case future(Future<Output>)
    /// Every one was taken.
    case end
    /// None is there; the caller is woken when one comes, perhaps for another loop to take it.
    case wait(UInt64)
  }

  private struct State {
    /// In the order they came; those before `next` were taken.
    var done: [Future<Output>] = []
    var next = 0
    var expected = 0
    var loops: [UInt64: @Sendable () -> Void] = [:]
    var lastTicket: UInt64 = 0
  }

  private let state = ForkAwareLock(State())

  func expect(_ futures: [Future<Output>]) {
    state.withLock { $0.expected = futures.count }
    for future in futures {
      // Alive as long as anybody loops: the sequence holds it. To hold it here would make it hold itself.
      _ = future.addWaiter { [weak future, self] _ in
        if let future { add(future) }
      }
    }
  }

  private func add(_ future: Future<Output>) {
    let loops = state.withLock { state in
      state.done.append(future)
      return state.loops.values
    }
    for wake in loops { wake() }
  }

  func take(orWake wake: @escaping @Sendable () -> Void) -> Turn {
    state.withLock { state in
      if state.next < state.done.count {
        state.next += 1
        return .future(state.done[state.next - 1])
      }
      if state.next == state.expected { return .end }
      state.lastTicket += 1
      state.loops[state.lastTicket] = wake
      return .wait(state.lastTicket)
    }
  }

  func leave(_ ticket: UInt64) { _ = state.withLock { $0.loops.removeValue(forKey: ticket) } }

  func notTaken(of futures: [Future<Output>]) -> [Future<Output>] {
    let taken = state.withLock { Set($0.done[..<$0.next]) }
    return futures.filter { !taken.contains($0) }
  }
}
