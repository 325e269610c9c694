extension ChildProcess {
  /// Suspends the task until the child's end; false when `deadline` comes first. Reaping it takes no time then.
  ///
  /// Throws `SystemFailure`; `CancellationError` when the task is cancelled.
  package nonisolated(nonsending) func waitSuspended(until deadline: Deadline) async throws -> Bool {
    try Task.checkCancellation()
    return try await wait { descriptors in try await Reactor.waitReadable(descriptors, until: deadline) }
  }

  /// The same in a task that is cancelled as well.
  package nonisolated(nonsending) func waitSuspendedRegardless(until deadline: Deadline) async throws -> Bool {
    try await wait { descriptors in try await Reactor.waitReadableRegardless(descriptors, until: deadline) }
  }

  private nonisolated(nonsending) func wait(
    _ body: nonisolated(nonsending) ([Int32]) async throws -> Bool
  ) async throws -> Bool {
    // Held while waiting, so that its number cannot become another's.
    guard let pidfd else { return true }
    defer { withExtendedLifetime(pidfd) {} }
    if try statusIfEnded() != nil { return true }
    let span = Tracing.beginAsync(.wait, "wait for process \(pid)")
    defer { span.end() }
    _ = try await body([pidfd.raw])
    return try statusIfEnded() != nil
  }
}
