internal import MultiprocessingEngine

// What time brings: tasks that take too long, workers that are idle or hold others up, starts that were put off, drivers that are held up.
extension PoolState {
  mutating func keepOrder() {
    if let held = heldUntil, held.hasPassed {
      heldUntil = nil
      scheduler.startsAreHeld = false
    }
    if let limit = patience, limit.hasPassed {
      patience = nil
      for case let member? in members where phase == .terminated || !member.isReady { member.kill(.terminated) }
    }
    if let look = stuckLook, look.hasPassed {
      stuckLook = nil
      scheduler.noteStuck()
    }
    if let look = idleLook, look.hasPassed {
      idleLook = nil
      retireIdle()
    }
    endOverdue()
  }

  private func endOverdue() {
    guard let limit = settings.taskTimeout else { return }
    let now = monotonicNanoseconds()
    for (place, member) in members.enumerated() {
      guard let member, member.doom == nil else { continue }
      let begun = member.lane.begun.observe()
      if begun > 0, now >= begun + limit.nanoseconds { member.kill(.overdue(begun: begun)) }
      guard begun == 0, let worker = scheduler.workers[place], !worker.sent.isEmpty else {
        member.stall = nil
        continue
      }
      let done = worker.endedSlices + worker.sent[0].done
      guard let stall = member.stall, stall.done == done else {
        member.stall = (now, done)
        continue
      }
      if now >= stall.since + stallLimit(limit) { member.kill(.stalled) }
    }
  }

  /// How long a worker may have something to do and not begin with it, in nanoseconds. One that gets no processor for a while is none that was stopped.
  private func stallLimit(_ limit: Duration) -> UInt64 { max(limit.nanoseconds, 1_000_000_000) }

  /// When there will be something to do next.
  mutating func nextDue() -> Deadline {
    if stuckLook == nil, scheduler.mayBeStuck { stuckLook = Deadline(after: .milliseconds(5)) }
    var due = Deadline.never
    if let time = heldUntil { due = min(due, time) }
    if let time = patience { due = min(due, time) }
    if let time = idleLook { due = min(due, time) }
    if let time = stuckLook { due = min(due, time) }
    // A driver runs code of the user's in between, which may hold it up: then the thread collects.
    if drivers > 0, !isLeaseTimed {
      isLeaseTimed = true
      due = min(due, Deadline(after: .milliseconds(2)))
    }
    if let limit = settings.taskTimeout { due = min(due, nextOverdue(limit)) }
    return due
  }

  private func nextOverdue(_ limit: Duration) -> Deadline {
    var due = Deadline.never
    for (place, worker) in scheduler.workers.enumerated() {
      guard let worker, !worker.sent.isEmpty, let member = members[place], member.doom == nil else { continue }
      let begun = member.lane.begun.observe()
      let now = monotonicNanoseconds()
      let end: UInt64
      if begun > 0 {
        end = begun + limit.nanoseconds
      } else {
        // What begins later is due later.
        end = member.stall.map { $0.since + stallLimit(limit) } ?? now + limit.nanoseconds
      }
      due = min(due, Deadline(after: .nanoseconds(end > now ? Int64(clamping: end - now) : 0)))
    }
    return due
  }
}

extension Duration {
  /// All of it, or as much as the number holds.
  var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds < 1 << 33 else { return .max >> 2 }
    return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds / 1_000_000_000))
  }
}
