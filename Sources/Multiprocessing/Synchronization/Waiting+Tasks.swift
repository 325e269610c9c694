internal import MultiprocessingEngine

// What the async twins of the locks and their kin have in common.

/// Suspends the task until `wait` is over; false when `deadline` comes first. Throws `SystemError`, `CancellationError`.
nonisolated(nonsending) func suspended(for wait: some KeptWait, until deadline: Deadline) async throws -> Bool {
  do {
    return try await Keeper.wait(for: wait, until: deadline)
  } catch let failure as SystemFailure {
    throw SystemError(failure)
  }
}

extension HeldLock {
  /// Takes the lock for the process.
  nonisolated(nonsending) func acquireSuspended(_ timeout: Duration?, of segment: SharedSegment) async throws {
    let deadline = Deadline(after: timeout)
    guard try await suspended(for: LockWait(lock, of: segment), until: deadline) else { throw outOfTime(timeout) }
  }
}

extension Permits {
  nonisolated(nonsending) func takeSuspended(_ timeout: Duration?, of segment: SharedSegment) async throws {
    try Task.checkCancellation()
    let deadline = Deadline(after: timeout)
    // One who was waiting when a permit came looks for himself: others may have been faster.
    while try !takeIfFree() {
      if deadline.hasPassed { throw TimeoutError.waiting(for: "a semaphore", timeout) }
      _ = try await suspended(for: counter.giving(of: segment), until: deadline)
    }
  }

  private func takeIfFree() throws -> Bool {
    try translating { () throws(SystemFailure) in try counter.takeInTask() }
  }
}

/// Runs `body` between `acquire` and `release`, whether it throws or not. An error of its own comes first.
nonisolated(nonsending) func holding<R>(
  _ acquire: nonisolated(nonsending) () async throws -> Void, _ release: () throws -> Void,
  _ body: nonisolated(nonsending) () async throws -> R
) async throws -> R {
  try await acquire()
  let result: R
  do {
    result = try await body()
  } catch {
    try? release()
    throw error
  }
  try release()
  return result
}
