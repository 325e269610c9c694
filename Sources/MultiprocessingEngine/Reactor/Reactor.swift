import CMultiprocessing

/// The one thread that waits for all the tasks of a process: for descriptors to be readable, until deadlines. It begins with
/// the first wait, and no program that has none gets it.
///
/// A wait is over with the first event of its descriptors, and nothing is taken from them: whoever waited looks for
/// himself, and waits again when another one was faster.
///
/// In a child it is not there: its descriptors are closed by the fork, and the child's first wait begins with a new one.
package final class Reactor: Sendable {
  package enum Outcome: Sendable, Equatable {
    case ready, outOfTime, withdrawn
    case failed(SystemFailure)
  }

  /// Is called once, on the reactor's thread or the one that began or withdrew the wait, with no lock held. Must not wait.
  package typealias Completion = @Sendable (Outcome) -> Void
  package typealias Ticket = UInt64

  private struct State {
    var table = WaitTable<Completion>()
    /// What the clock is set to; it may come and find nobody.
    var alarm = Deadline.never
    /// How many are being told that their wait is over.
    var told = 0
    /// Why no wait can begin any more.
    var failure: SystemFailure?
  }

  private let generation = Generation.current
  private let set: Descriptor
  private let clock: Descriptor
  private let state = ForkAwareLock(State())

  // MARK: Beginning

  // A child may find the parent's here. It is replaced and never freed, for the thread that owned it too stays behind: no state is
  // touched that another thread of the parent was changing at the fork.
  private static let ofThisProcess = ForkAwareLock<Reactor?>(nil)

  /// This process' reactor, started if need be.
  package static func current() throws(SystemFailure) -> Reactor {
    try ofThisProcess.withLock { (current) throws(SystemFailure) in
      if let current, current.generation.isCurrent, !current.hasFailed { return current }
      let reactor = try Reactor()
      try reactor.start()
      current = reactor
      return reactor
    }
  }

  private init() throws(SystemFailure) {
    set = try Descriptor.listing { () throws(SystemFailure) in try Syscall.readinessSet() }
    clock = try Descriptor.listing { () throws(SystemFailure) in try Syscall.clockDescriptor() }
    try Syscall.watch(clock.raw, in: set.raw)
  }

  private func start() throws(SystemFailure) {
    // The program's handlers are to run on the program's threads.
    let result = SignalMask.withAllBlocked {
      Result { () throws(SystemFailure) in try DetachedThread.start { [self] in run() } }
    }
    try result.get()
  }

  /// The threads, one at most, that do nothing as long as nobody begins another wait; nil while somebody waits.
  package static var idleThreads: Int? {
    guard let reactor = ofThisProcess.withLock({ $0 }), reactor.generation.isCurrent else { return 0 }
    return reactor.state.withLock { $0.table.isEmpty && $0.told == 0 ? 1 : nil }
  }

  private var hasFailed: Bool { state.withLock { $0.failure != nil } }

  // MARK: Waiting

  /// Announces a wait that may be withdrawn before it begins. `begin` has to follow.
  package func reserve() -> Ticket { state.withLock { $0.table.reserve() } }

  /// Begins a wait. The descriptors stay open until `completion` is called.
  package func begin(
    _ ticket: Ticket, for descriptors: [Int32], until deadline: Deadline, _ completion: @escaping Completion
  ) {
    let outcome: Outcome? = state.withLock { state in
      guard let unwatched = state.table.begin(ticket, for: descriptors, until: deadline, completion) else {
        return .withdrawn
      }
      do throws(SystemFailure) {
        if let failure = state.failure { throw failure }
        for descriptor in unwatched { try Syscall.watch(descriptor, in: set.raw) }
        if deadline < state.alarm { try setAlarm(&state, to: deadline) }
        return nil
      } catch {
        // Those that were not watched yet are passed over.
        for descriptor in state.table.withdraw(ticket).unwatched { try? Syscall.unwatch(descriptor, in: set.raw) }
        return .failed(error)
      }
    }
    if let outcome { completion(outcome) }
  }

  /// Ends a wait, if it has not ended.
  package func withdraw(_ ticket: Ticket) { finish(.withdrawn) { $0.withdraw(ticket) } }

  /// Takes waits out of the table, then tells their waiters.
  private func finish(_ outcome: Outcome, _ body: (inout WaitTable<Completion>) -> WaitTable<Completion>.Ended) {
    let waiters = state.withLock { state in
      let ended = body(&state.table)
      // Before anybody is told, who may close them then. Fails only for what somebody else has closed.
      for descriptor in ended.unwatched { try? Syscall.unwatch(descriptor, in: set.raw) }
      state.told += ended.waiters.count
      return ended.waiters
    }
    if waiters.isEmpty { return }
    for waiter in waiters { waiter(outcome) }
    state.withLock { $0.told -= waiters.count }
  }

  private func setAlarm(_ state: inout State, to deadline: Deadline) throws(SystemFailure) {
    try Syscall.setClock(clock.raw, to: deadline)
    state.alarm = deadline
  }

  // MARK: The thread

  private func run() {
    var numbers = [Int32](repeating: -1, count: 64)
    do throws(SystemFailure) {
      while true {
        let ready = numbers[..<(try Syscall.waitReady(set.raw, into: &numbers))]
        finish(.ready) { $0.end(ready: ready) }
        if ready.contains(clock.raw) {
          finish(.outOfTime) { $0.endOverdue() }
          try state.withLock { (state) throws(SystemFailure) in
            try setAlarm(&state, to: state.table.earliest ?? .never)
          }
        }
      }
    } catch {
      // Somebody has closed what is not his. Whoever waits hears of it, and the next wait begins with a new reactor.
      state.withLock { $0.failure = error }
      finish(.failed(error)) { $0.endAll() }
    }
  }
}
