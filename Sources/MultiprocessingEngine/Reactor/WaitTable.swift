/// Who waits for which descriptors, and until when. Every wait ends once: whoever takes its waiter out of the table owns its
/// outcome.
struct WaitTable<Waiter> {
  typealias Ticket = UInt64

  /// Waits that are over, and the descriptors that nobody waits for any more.
  struct Ended {
    var waiters: [Waiter] = []
    var unwatched: [Int32] = []
  }

  private enum Wait {
    /// About to begin.
    case reserved
    /// Given up before it has begun.
    case withdrawn
    case waiting(for: [Int32], Waiter)
  }

  private var waits: [Ticket: Wait] = [:]
  /// In the order they came.
  private var tickets: [Int32: [Ticket]] = [:]
  /// Those of waits that have ended stay until their time, or until they are the most.
  private var timers = TimerHeap<Deadline, Ticket>()
  private var lastTicket: Ticket = 0

  var isEmpty: Bool { waits.isEmpty }
  var timerCount: Int { timers.count }

  /// The time at which the first wait is to end.
  var earliest: Deadline? { timers.earliest }

  /// Announces a wait, which may be withdrawn from now on.
  mutating func reserve() -> Ticket {
    lastTicket += 1
    waits[lastTicket] = .reserved
    return lastTicket
  }

  /// Begins a wait that was reserved. The descriptors that nobody has waited for until now; nil when it was withdrawn, and does not
  /// begin.
  mutating func begin(
    _ ticket: Ticket, for descriptors: [Int32], until deadline: Deadline, _ waiter: Waiter
  ) -> [Int32]? {
    guard case .reserved = waits[ticket] else {
      waits[ticket] = nil
      return nil
    }
    // One that is named twice is waited for once.
    let descriptors = Array(Set(descriptors))
    waits[ticket] = .waiting(for: descriptors, waiter)
    if !deadline.isNever { timers.add(ticket, at: deadline) }
    return descriptors.filter { descriptor in
      tickets[descriptor, default: []].append(ticket)
      return tickets[descriptor]?.count == 1
    }
  }

  /// Ends a wait, or keeps it from beginning; nothing when it has ended.
  mutating func withdraw(_ ticket: Ticket) -> Ended {
    if case .reserved = waits[ticket] {
      waits[ticket] = .withdrawn
      return Ended()
    }
    return end([ticket])
  }

  /// Ends the waits for these descriptors.
  mutating func end(ready descriptors: some Sequence<Int32>) -> Ended {
    end(descriptors.flatMap { tickets[$0] ?? [] })
  }

  /// Ends the waits whose time has come.
  mutating func endOverdue() -> Ended {
    var overdue: [Ticket] = []
    while timers.earliest?.hasPassed == true, let ticket = timers.removeEarliest() { overdue.append(ticket) }
    return end(overdue)
  }

  mutating func endAll() -> Ended { end(waits.keys.sorted()) }

  private mutating func end(_ ending: [Ticket]) -> Ended {
    var ended = Ended()
    for ticket in ending {
      guard case .waiting(let descriptors, let waiter) = waits[ticket] else { continue }
      waits[ticket] = nil
      ended.waiters.append(waiter)
      for descriptor in descriptors {
        tickets[descriptor]?.removeAll { $0 == ticket }
        guard tickets[descriptor]?.isEmpty == true else { continue }
        tickets[descriptor] = nil
        ended.unwatched.append(descriptor)
      }
    }
    // So that hours of short waits with long timeouts take no more room than the waits of the moment.
    if timers.count > 2 * waits.count + 64 { timers.keep { [waits] in waits[$0] != nil } }
    return ended
  }
}
