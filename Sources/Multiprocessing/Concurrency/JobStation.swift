internal import MultiprocessingEngine

/// Where jobs wait for the threads that run them: those that are ready, and those whose time has yet to come.
///
/// Of the threads that sleep here one watches the clock for the earliest time. Whoever leaves with a job wakes another one if
/// there is more to do, or if nobody would be left to watch.
final class JobStation<Job: Sendable>: @unchecked Sendable {
  // Sendable: the memory behind `changed` is touched by atomic operations alone, all else by the lock's holder.
  private struct State {
    var ready = JobQueue<Job>()
    var timed = TimerHeap<Deadline, (job: Job, priority: UInt8)>()
    /// How many threads there are, and how many may be.
    var threads: Int
    var threadLimit: Int
    /// Those that wait for a job, the woken ones that have not come back to the lock included.
    var sleepers = 0
    /// The time that a sleeper will wake up for.
    var watched: Deadline?
    /// How often anything came or left: the same number twice means that nothing has happened.
    var events: UInt64 = 0
    var departures: UInt64 = 0
    var isClosed = false

    mutating func makeReady() {
      guard let earliest = timed.earliest, earliest.hasPassed else { return }
      while timed.earliest?.hasPassed == true, let (job, priority) = timed.removeEarliest() {
        ready.add(job, priority: priority)
      }
    }

    /// Whether one more thread is wanted; counts it.
    mutating func grow() -> Bool {
      guard threads == 0 || (ready.count > sleepers && threads < threadLimit) else { return false }
      threads += 1
      return true
    }
  }

  enum Turn {
    case job(Job)
    case outOfTime
    case closed
  }

  private let state: ForkAwareLock<State>
  private let word: UnsafeMutableRawPointer
  private let changed: SharedFutex

  /// - Parameters:
  ///   - threads: how many will call `next`.
  ///   - threadLimit: how many the station may ask for.
  init(threads: Int, threadLimit: Int) {
    state = ForkAwareLock(State(threads: threads, threadLimit: threadLimit))
    word = .allocate(byteCount: SharedFutex.size, alignment: SharedFutex.size)
    word.storeBytes(of: 0, as: UInt32.self)
    changed = SharedFutex(at: word)
  }

  deinit { word.deallocate() }

  /// Adds a job that is ready, or will be at `time`. True if the caller is to start a thread that calls `next`.
  func add(_ job: Job, priority: UInt8, at time: Deadline = .now) -> Bool {
    state.withLock { state in
      state.events += 1
      if time == .now {
        state.ready.add(job, priority: priority)
      } else {
        state.timed.add((job, priority), at: time)
        // The clock is watched already, and nobody need wake.
        if let watched = state.watched, watched <= time { return false }
      }
      if state.sleepers > 0 { changed.advance(waking: 1) }
      return state.grow()
    }
  }

  /// The thread that `add` asked for could not be had. True if there is no other.
  func lackThread() -> Bool {
    state.withLock { state in
      state.threads -= 1
      return state.threads == 0
    }
  }

  /// Waits for a job, until `deadline` at most.
  func next(until deadline: Deadline = .never) -> Turn {
    var slept: (seen: UInt32, until: Deadline, isWatching: Bool)?
    while true {
      if let slept { _ = changed.wait(while: slept.seen, until: slept.until) }
      let turn: Turn? = state.withLock { state in
        if let slept {
          state.sleepers -= 1
          if slept.isWatching { state.watched = nil }
        }
        if state.isClosed { return .closed }
        state.makeReady()
        if let job = state.ready.next() {
          state.events += 1
          state.departures += 1
          let isWatchNeeded = !state.timed.isEmpty && state.watched == nil
          if state.sleepers > 0 && (!state.ready.isEmpty || isWatchNeeded) { changed.advance(waking: 1) }
          return .job(job)
        }
        if deadline.hasPassed { return .outOfTime }
        state.sleepers += 1
        if let earliest = state.timed.earliest, state.watched == nil || earliest < state.watched! {
          state.watched = earliest
          slept = (changed.now, min(deadline, earliest), true)
        } else {
          slept = (changed.now, deadline, false)
        }
        return nil
      }
      if let turn { return turn }
    }
  }

  /// Everybody's `next` answers `.closed` from now on.
  func close() {
    state.withLock { state in
      state.isClosed = true
      changed.advance()
    }
  }

  /// Undoes `close`.
  func open() { state.withLock { $0.isClosed = false } }

  // MARK: Watching from outside

  var threadCount: Int { state.withLock { $0.threads } }
  var sleeperCount: Int { state.withLock { $0.sleepers } }

  /// `events` while nothing is there, all threads but the `awake` ones sleep, and nobody has closed; nil otherwise.
  func stillness(awake: Int = 0) -> UInt64? {
    state.withLock { state in
      guard !state.isClosed, state.ready.isEmpty, state.timed.isEmpty else { return nil }
      return state.sleepers == state.threads - awake ? state.events : nil
    }
  }

  /// How many jobs have left, while others are ready and no thread is there to take them; nil otherwise.
  var congestion: UInt64? { state.withLock { $0.ready.isEmpty || $0.sleepers > 0 ? nil : $0.departures } }

  /// Allows one thread more, and asks for it.
  func widen() -> Bool {
    state.withLock { state in
      state.threadLimit += 1
      return state.grow()
    }
  }
}
