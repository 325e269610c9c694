internal import MultiprocessingEngine

// Waiting in a task.
extension Event {
  /// Waits until the event is set, without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: `TimeoutError`; `CancellationError`; `SystemError`, also when the system lacks the thread that the first such wait of a program
  ///   needs.
  public nonisolated(nonsending) func wait(timeout: Duration? = nil) async throws {
    try Task.checkCancellation()
    if isSet { return }
    let deadline = Deadline(after: timeout)
    guard try await suspended(for: flag.raising(of: segment), until: deadline) else {
      throw TimeoutError.waiting(for: "an event", timeout)
    }
  }
}
