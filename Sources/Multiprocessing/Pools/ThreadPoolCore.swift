internal import MultiprocessingEngine

/// A pool of threads behind its public face: the scheduler of all pools, and the threads that carry out what it says.
final class ThreadPoolCore: Sendable {
  private typealias Scheduler = PoolScheduler<ThreadPoolLoad, Void>
  private typealias Slice = PoolSlice<ThreadPoolLoad>

  enum Phase {
    case open, closed, terminated
  }

  /// Where a thread finds its work.
  private final class Seat: @unchecked Sendable {
    // Sendable: guarded by the pool's lock.
    var slice: Slice?
    var mustLeave = false
    /// What the thread sleeps on.
    var latch: Latch?
    /// nil until it has begun.
    var thread: ThreadStorage?
  }

  private struct State {
    var scheduler: Scheduler
    /// By their places with the scheduler.
    var seats: [Seat?] = []
    var phase = Phase.open
    var hasEnded = false
    var tally = PoolTally()
  }

  /// What is left to do once the lock is free.
  private struct Chores {
    var latches: [Latch] = []
    var births: [(place: Int, seat: Seat)] = []
    var failures: [(slice: Slice, error: any Error)] = []
    /// What may go with the last reference to it, and run code of the user's then.
    var garbage: [ThreadPoolLoad] = []
    var isEnd = false

    var isEmpty: Bool { latches.isEmpty && births.isEmpty && failures.isEmpty && !isEnd }
  }

  let threads: Int
  private let initializer: (@Sendable () throws -> Void)?
  private let owner = Generation.current
  private let state: ForkAwareLock<State>
  let callbackThread = CallbackThread()
  /// Done when no thread is left of a pool that takes no more.
  let end = Future<Void>(cancel: { false })

  init(threads: Int, initializer: (@Sendable () throws -> Void)?) {
    self.threads = threads
    self.initializer = initializer
    var scheduler = Scheduler(.init(processes: threads, mostSent: 1))
    // All threads know all functions.
    scheduler.functions = 1
    state = ForkAwareLock(State(scheduler: scheduler))
  }

  func requireParent() throws {
    guard owner.isCurrent else { throw ProcessError.notParent }
  }

  func requireOpen() throws {
    try requireParent()
    if state.withLock({ $0.phase != .open }) { throw PoolError.closed }
  }

  func requireNotOpen() throws {
    try requireParent()
    if state.withLock({ $0.phase == .open }) { throw PoolError.stillOpen }
  }

  var isTerminated: Bool { state.withLock { $0.phase == .terminated } }
  var statistics: PoolStatistics { state.withLock { $0.tally.statistics(at: monotonicNanoseconds()) } }

  // MARK: Changes

  /// Changes the state, and then does what that leaves to do.
  private func with<Result>(_ body: (inout State, inout Chores) throws -> Result) rethrows -> Result {
    var chores = Chores()
    let result = try state.withLock { state in
      let result = try body(&state, &chores)
      pump(&state, &chores)
      return result
    }
    if !chores.isEmpty { finish(chores) }
    return result
  }

  private func finish(_ chores: Chores) {
    for latch in chores.latches { latch.open() }
    for (slice, error) in chores.failures { slice.load.fail(slice.items, error) }
    for (place, seat) in chores.births { start(place, seat) }
    if chores.isEnd { end.complete(.success(())) }
  }

  /// Carries out what the scheduler says.
  private func pump(_ state: inout State, _ chores: inout Chores) {
    while let step = state.scheduler.nextStep() {
      switch step {
      case .send(let place, let slice):
        state.scheduler.sent(place, slice, ())
        state.seats[place]?.slice = slice
        wake(state.seats[place], &chores)
      case .start(let place, _):
        let seat = Seat()
        while state.seats.count <= place { state.seats.append(nil) }
        state.seats[place] = seat
        chores.births.append((place, seat))
      case .retire(let place): dismiss(place, &state, &chores)
      // Nobody has more than one.
      case .withdraw: return
      }
    }
    if state.scheduler.hasGarbage { chores.garbage += state.scheduler.takeGarbage() }
    // A map that has begun may still bring more after that.
    guard state.phase != .open, state.scheduler.isDrained else { return }
    for place in state.seats.indices where state.scheduler.workers[place]?.isIdle ?? false {
      state.scheduler.retire(place)
      dismiss(place, &state, &chores)
    }
    if !state.scheduler.hasWorkers, !state.hasEnded {
      state.hasEnded = true
      chores.isEnd = true
    }
  }

  private func dismiss(_ place: Int, _ state: inout State, _ chores: inout Chores) {
    state.seats[place]?.mustLeave = true
    wake(state.seats[place], &chores)
  }

  private func wake(_ seat: Seat?, _ chores: inout Chores) {
    if let latch = seat?.latch.take() { chores.latches.append(latch) }
  }

  // MARK: Work

  /// Queues loads.
  ///
  /// - Parameter isNew: whether it is something that a closed pool does not take any more.
  func add(_ loads: [(load: ThreadPoolLoad, count: Int)], isNew: Bool) throws {
    try with { state, _ in
      if isNew, state.phase != .open { throw PoolError.closed }
      if state.phase == .terminated { throw CancellationError() }
      for (load, count) in loads {
        state.scheduler.add(PoolSlice(load: load, items: 0..<count, function: 0))
      }
    }
  }

  /// Takes a load out of the queue; false when it is not there any more.
  func withdraw(_ load: ThreadPoolLoad) -> Bool {
    with { state, _ in
      guard load.waiting > 0, !load.isDropped else { return false }
      load.isDropped = true
      state.scheduler.drop(waiting: load.waiting)
      return true
    }
  }

  /// Whether the calling thread is one of the pool's own. A pool whose threads all waited for the pool would stand still: each runs what it
  /// is about to wait for, and nothing else, which would wait in its turn, one upon the other on one stack.
  private var isOnPoolThread: Bool {
    guard owner.isCurrent, let thread = ThreadContext.ifAny?.storage else { return false }
    return state.withLock { state in state.seats.contains { $0?.thread === thread } }
  }

  /// Runs the task that the calling thread is about to wait for, if it has not begun and the thread is one of the pool's. False when it did not.
  func help(with load: ThreadPoolLoad) -> Bool {
    guard isOnPoolThread, withdraw(load) else { return false }
    load.run(0..<1)
    return true
  }

  /// The same for a map, whose slices were queued last. False when there is nothing to run.
  func help() -> Bool {
    guard isOnPoolThread, let slice = state.withLock({ $0.scheduler.takeLast() }) else { return false }
    slice.load.run(slice.items)
    return true
  }

  // MARK: Threads

  private func start(_ place: Int, _ seat: Seat) {
    let thread = ThreadStorage(name: nil, typeName: "PoolThread", daemon: true)
    do {
      try thread.start { { [self] in work(place, seat) } }
    } catch {
      with { state, chores in
        _ = state.scheduler.died(place, hasBegun: false)
        state.seats[place] = nil
        // The others go on with what there is.
        state.scheduler.startsAreHeld = state.scheduler.hasWorkers
        if !state.scheduler.hasWorkers { failWaiting(error, &state, &chores) }
      }
    }
  }

  private func failWaiting(_ error: any Error, _ state: inout State, _ chores: inout Chores) {
    chores.failures += state.scheduler.drop { _ in true }.map { ($0, error) }
  }

  /// On the thread.
  private func work(_ place: Int, _ seat: Seat) {
    do {
      try initializer?()
      with { state, _ in
        seat.thread = ThreadContext.ifAny?.storage
        state.scheduler.ready(place)
        state.tally.began(place, id: Int(RunningThread.nativeID), at: monotonicNanoseconds())
      }
      while let slice = next(seat) {
        let start = monotonicNanoseconds()
        slice.load.run(slice.items)
        let end = monotonicNanoseconds()
        with { state, _ in
          _ = state.scheduler.answered(place, slice.items.count)
          state.scheduler.ended(place)
          // The system may have threads again.
          state.scheduler.startsAreHeld = false
          state.tally.ran(place, tasks: slice.items.count, for: end - start)
        }
      }
    } catch {
      with { state, chores in failWaiting(PoolError.initializerFailed(RemoteError(error)), &state, &chores) }
    }
    with { state, _ in
      _ = state.scheduler.died(place, hasBegun: false)
      state.seats[place] = nil
      state.tally.ended(place, at: monotonicNanoseconds())
      state.scheduler.startsAreHeld = false
    }
  }

  /// What the thread runs next; nil when it is to end.
  private func next(_ seat: Seat) -> Slice? {
    while true {
      let latch = Latch()
      let (slice, mustLeave) = state.withLock { _ in
        let slice = seat.slice.take()
        if slice == nil, !seat.mustLeave { seat.latch = latch }
        return (slice, seat.mustLeave)
      }
      if let slice { return slice }
      if mustLeave { return nil }
      _ = latch.wait(until: .never)
    }
  }

  // MARK: The end

  func close() {
    guard owner.isCurrent else { return }
    with { state, _ in if state.phase == .open { state.phase = .closed } }
  }

  /// Ends everything that has not begun, and waits no more for what has.
  func terminate() {
    guard owner.isCurrent else { return }
    with { state, chores in
      guard state.phase != .terminated else { return }
      state.phase = .terminated
      failWaiting(CancellationError(), &state, &chores)
      for worker in state.scheduler.workers {
        guard let worker, worker.sent.count > 0 else { continue }
        chores.failures.append((worker.sent[0].slice, CancellationError()))
      }
    }
  }
}
