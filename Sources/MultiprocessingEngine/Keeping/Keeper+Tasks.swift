extension Keeper {
  /// Suspends the task until `wait` is over; false when `deadline` comes first.
  ///
  /// Throws `SystemFailure`; `CancellationError` at once when the task is cancelled, before or while it waits.
  package nonisolated(nonsending) static func wait(
    for wait: any KeptWait, until deadline: Deadline
  ) async throws -> Bool {
    switch try await outcome(of: wait, until: deadline) {
    case .over: return true
    case .outOfTime: return false
    case .withdrawn: throw CancellationError()
    case .failed(let failure): throw failure
    }
  }

  /// The same for a wait that may have come to something although it was to be given up.
  package nonisolated(nonsending) static func outcome(
    of wait: any KeptWait, until deadline: Deadline
  ) async throws -> Outcome {
    try Task.checkCancellation()
    return await (try withRoom()).outcome(of: wait, until: deadline)
  }

  /// The same with this keeper, which has made room.
  package nonisolated(nonsending) func outcome(of wait: any KeptWait, until deadline: Deadline) async -> Outcome {
    let ticket = reserve()
    return await withTaskCancellationHandler {
      await suspended(ticket, wait, deadline)
    } onCancel: {
      withdraw(ticket)
    }
  }

  /// The same for what has to be carried out in a task that is cancelled as well.
  package nonisolated(nonsending) func outcomeRegardless(
    of wait: any KeptWait, until deadline: Deadline
  ) async -> Outcome {
    await suspended(reserve(), wait, deadline)
  }

  private nonisolated(nonsending) func suspended(
    _ ticket: Ticket, _ wait: any KeptWait, _ deadline: Deadline
  ) async -> Outcome {
    await withCheckedContinuation { continuation in
      begin(ticket, wait, until: deadline) { continuation.resume(returning: $0) }
    }
  }
}
