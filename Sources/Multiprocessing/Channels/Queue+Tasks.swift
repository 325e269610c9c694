internal import MultiprocessingEngine

// Waiting in a task.
extension Queue {
  /// Puts an element behind all others, waiting for room as long as the queue is full, without blocking a thread. Cancelling the task ends
  /// the wait with `CancellationError`, at once, and the element is not in the queue.
  ///
  /// - Parameters:
  ///   - element: is encoded before anything waits.
  ///   - timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: what the blocking one throws; `CancellationError`; `.system` also when the system lacks the thread that the first such wait of a
  ///   program needs.
  public nonisolated(nonsending) func put(_ element: Element, timeout: Duration? = nil) async throws {
    try Task.checkCancellation()
    let deadline = Deadline(after: timeout)
    while try !tryPutInTask(element) {
      if deadline.hasPassed { throw TimeoutError(operation: "room in a queue", timeout: timeout ?? .zero) }
      _ = try await suspended(for: queue.roomComing, until: deadline)
    }
  }

  /// Takes the first element, waiting for one as long as there is none, without blocking a thread. Cancelling the task ends the wait with
  /// `CancellationError`, at once, and no element is lost.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: what the blocking one throws; `CancellationError`; `.system` also when the system lacks the thread that the first such wait of a
  ///   program needs.
  public nonisolated(nonsending) func get(timeout: Duration? = nil) async throws -> Element {
    try Task.checkCancellation()
    let deadline = Deadline(after: timeout)
    while true {
      // One who was waiting when an element came looks for himself: others may have been faster.
      if let element = try tryGetInTask() { return element }
      if deadline.hasPassed { throw TimeoutError(operation: "an element of a queue", timeout: timeout ?? .zero) }
      _ = try await suspended(for: queue.elementComing, until: deadline)
    }
  }

  /// Waits until `taskDone()` was called for every element that was put, without blocking a thread. Cancelling the task ends the wait with
  /// `CancellationError`, at once.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Returns: false when time ran out.
  /// - Throws: `QueueError.system`; `CancellationError`.
  @discardableResult
  public nonisolated(nonsending) func join(timeout: Duration? = nil) async throws -> Bool {
    try await suspended(for: queue.tasksEnding, until: Deadline(after: timeout))
  }

  private nonisolated(nonsending) func suspended(for wait: some KeptWait, until deadline: Deadline) async throws -> Bool
  {
    do {
      return try await Keeper.wait(for: wait, until: deadline)
    } catch let failure as SystemFailure {
      throw QueueError(failure)
    }
  }
}

extension Queue: AsyncSequence {
  /// Takes elements as they come, until the queue is closed and drained. Cancelling the task ends the loop with `CancellationError`, and no
  /// element is lost.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: self) }

  /// The loop `for try await element in queue`. Several loops, in whatever tasks and processes, share the elements.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let queue: Queue

    /// Waits for the next element; nil once the queue is closed and drained.
    ///
    /// - Throws: what `get(timeout:)` throws but for `QueueError.closed`.
    public nonisolated(nonsending) mutating func next() async throws -> Element? {
      do {
        return try await queue.get()
      } catch QueueError.closed {
        return nil
      }
    }
  }
}
