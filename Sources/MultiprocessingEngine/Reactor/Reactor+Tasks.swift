extension Reactor {
  /// Suspends the task until one of `descriptors` may be readable; false when `deadline` comes first. Negative numbers are passed
  /// over. The descriptors stay open until the return.
  ///
  /// Throws `SystemFailure`; `CancellationError` at once when the task is cancelled, before or while it waits.
  package nonisolated(nonsending) static func waitReadable(
    _ descriptors: [Int32], until deadline: Deadline
  ) async throws -> Bool {
    try Task.checkCancellation()
    let reactor = try Reactor.current()
    let ticket = reactor.reserve()
    return try await withTaskCancellationHandler {
      try await reactor.wait(ticket, descriptors, deadline)
    } onCancel: {
      reactor.withdraw(ticket)
    }
  }

  /// The same for what has to be waited for in a task that is cancelled as well.
  package nonisolated(nonsending) static func waitReadableRegardless(
    _ descriptors: [Int32], until deadline: Deadline
  ) async throws -> Bool {
    let reactor = try Reactor.current()
    return try await reactor.wait(reactor.reserve(), descriptors, deadline)
  }

  private nonisolated(nonsending) func wait(
    _ ticket: Ticket, _ descriptors: [Int32], _ deadline: Deadline
  ) async throws -> Bool {
    try await withCheckedThrowingContinuation { continuation in
      begin(ticket, for: descriptors.filter { $0 >= 0 }, until: deadline) { outcome in
        switch outcome {
        case .ready: continuation.resume(returning: true)
        case .outOfTime: continuation.resume(returning: false)
        case .withdrawn: continuation.resume(throwing: CancellationError())
        case .failed(let failure): continuation.resume(throwing: failure)
        }
      }
    }
  }
}
