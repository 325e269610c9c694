internal import MultiprocessingEngine

// Waiting in a task.
extension ProcessStorage {
  /// False when `deadline` comes before the end.
  nonisolated(nonsending) func waitSuspended(until deadline: Deadline) async throws -> Bool {
    let child = try startedChild()
    do {
      guard try await child.waitSuspended(until: deadline) else { return false }
    } catch let failure as SystemFailure {
      throw SystemError(failure)
    }
    noteEnd()
    return true
  }

  /// Ends the child as `end()` does, also in a task that is cancelled.
  nonisolated(nonsending) func endSuspended() async throws {
    try signal(.terminate)
    do {
      let child = try startedChild()
      if try await !child.waitSuspendedRegardless(until: Deadline(after: Self.grace)) {
        try signal(.kill)
        _ = try await child.waitSuspendedRegardless(until: .never)
      }
      noteEnd()
    } catch is SystemFailure {
      // Nothing to wait with: the child gets no grace then, and is gone in a moment.
      try signal(.kill)
      _ = try wait(until: .never)
    }
  }
}
