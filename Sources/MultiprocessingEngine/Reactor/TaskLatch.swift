/// Something that happens once in this process, and the one task that waits for it.
///
/// Whoever ends the wait first, the event, the deadline or the cancellation, owns its outcome.
package final class TaskLatch: Sendable {
  private enum Outcome {
    case opened, outOfTime, cancelled
    case failed(SystemFailure)
  }

  private struct State {
    var outcome: Outcome?
    var waiter: CheckedContinuation<Outcome, Never>?
  }

  private let state = ForkAwareLock(State())

  package init() {}

  /// Lets the task go on, now or later, from any thread.
  package func open() { end(.opened) }

  private func end(_ outcome: Outcome) {
    let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
      guard state.outcome == nil else { return nil }
      state.outcome = outcome
      return state.waiter.take()
    }
    waiter?.resume(returning: outcome)
  }

  /// Suspends the task until the latch is open; false when `deadline` comes first. To be called once.
  ///
  /// Throws `CancellationError` at once when the task is cancelled, before or while it waits; `SystemFailure` when a deadline cannot be
  /// waited for.
  package nonisolated(nonsending) func wait(until deadline: Deadline) async throws -> Bool {
    let alarm = try Alarm(deadline, self)
    defer { alarm?.withdraw() }
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let outcome = state.withLock { state in
          if state.outcome == nil { state.waiter = continuation }
          return state.outcome
        }
        if let outcome { continuation.resume(returning: outcome) }
      }
    } onCancel: {
      end(.cancelled)
    }
    switch outcome {
    case .opened: return true
    case .outOfTime: return false
    case .cancelled: throw CancellationError()
    case .failed(let failure): throw failure
    }
  }

  /// The deadline of a wait, which the reactor watches.
  private struct Alarm {
    let reactor: Reactor
    let ticket: Reactor.Ticket

    /// nil for a wait that needs none.
    init?(_ deadline: Deadline, _ latch: TaskLatch) throws(SystemFailure) {
      if deadline.isNever { return nil }
      // A task without time, and without an event, needs no thread to tell it so.
      if deadline.hasPassed {
        latch.end(.outOfTime)
        return nil
      }
      reactor = try Reactor.current()
      ticket = reactor.reserve()
      reactor.begin(ticket, for: [], until: deadline) { outcome in
        switch outcome {
        case .outOfTime: latch.end(.outOfTime)
        case .failed(let failure): latch.end(.failed(failure))
        case .ready, .withdrawn: break
        }
      }
    }

    func withdraw() { reactor.withdraw(ticket) }
  }
}
