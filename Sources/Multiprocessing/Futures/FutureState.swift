/// The life of a future: pending, perhaps running, done; and who wants to hear of its end. It becomes done once.
struct FutureState<Output> {
  typealias Outcome = Result<Output, any Error>
  typealias Listener = @Sendable (Outcome) -> Void
  typealias Ticket = UInt64

  enum Phase {
    case pending, running
    case done(Outcome)
  }

  /// What a completion leaves to do, once no lock is held.
  struct Completion {
    fileprivate(set) var waiters: [Listener] = []
    fileprivate(set) var callbacks: [Listener] = []
    /// No longer needed; let go of without the lock, since the last reference may run any code.
    fileprivate(set) var work: FutureWork?
  }

  private(set) var phase = Phase.pending
  /// nil when done.
  private(set) var work: FutureWork?
  /// Those who wait; told ahead of the callbacks.
  private var waiters: [(ticket: Ticket, listener: Listener)] = []
  private var callbacks: [Listener] = []
  private var lastTicket: Ticket = 0

  init(work: FutureWork) { self.work = work }

  var outcome: Outcome? {
    if case .done(let outcome) = phase { outcome } else { nil }
  }

  var isRunning: Bool {
    if case .running = phase { true } else { false }
  }

  /// Whether it ended as one that is cancelled does.
  var isCancelled: Bool {
    if case .done(.failure(let error)) = phase { error is CancellationError } else { false }
  }

  /// The work has begun. Without effect on a future that is done.
  mutating func markRunning() {
    if case .pending = phase { phase = .running }
  }

  /// nil when it was done before: the first outcome stays.
  mutating func complete(_ outcome: Outcome) -> Completion? {
    if case .done = phase { return nil }
    phase = .done(outcome)
    defer { (waiters, callbacks, work) = ([], [], nil) }
    return Completion(waiters: waiters.map(\.listener), callbacks: callbacks, work: work)
  }

  /// Adds one who waits, and may give up; nil when it is done already, and the listener was not added.
  mutating func addWaiter(_ listener: @escaping Listener) -> Ticket? {
    if case .done = phase { return nil }
    lastTicket += 1
    waiters.append((lastTicket, listener))
    return lastTicket
  }

  /// Gives the listener back, to be let go of without the lock; nil when it was told, or is about to be.
  mutating func removeWaiter(_ ticket: Ticket) -> Listener? {
    guard let place = waiters.firstIndex(where: { $0.ticket == ticket }) else { return nil }
    return waiters.remove(at: place).listener
  }

  /// False when it is done already, and the callback was not added.
  mutating func addCallback(_ listener: @escaping Listener) -> Bool {
    if case .done = phase { return false }
    callbacks.append(listener)
    return true
  }
}

/// What a future can ask of whoever does its work. Both are called without a lock.
struct FutureWork: Sendable {
  /// Whether the work could be cancelled: it then brings no result any more, and the future ends itself.
  let cancel: @Sendable () -> Bool
  /// Does a little of the work, on the thread of one who waits for it; false when there is nothing to do, and he may sleep.
  let help: (@Sendable () -> Bool)?
  /// Where callbacks run; nil: where the future is completed.
  var callbackThread: CallbackThread?
}
