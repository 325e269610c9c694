internal import Glibc
internal import MultiprocessingEngine
internal import Synchronization

/// A pool behind its public face: the state under its lock, and what is done without the lock.
final class PoolCore: Sendable {
  private let owner = Generation.current
  let settings: PoolSettings
  let arena: SharedArena
  private let bell: Bell
  private let bellFlag: LaneFlag
  private let watch: BellWatch
  private let lanes: LaneStock
  private let state: ForkAwareLock<PoolState>
  /// Whether there is anything in `forgotten`; changed with its lock held, and looked at without, by whoever may find it later as well: hence relaxed.
  private let hasForgotten = Atomic(false)
  /// The numbers of functions that nobody can call any more, until they are forgotten.
  private let forgotten = ForkAwareLock<[Int]>([])
  let callbackThread = CallbackThread()
  /// Done when no worker is left of a pool that takes no more.
  let end = Future<Void>(cancel: { false })

  init(_ settings: PoolSettings) throws {
    try settings.validate()
    self.settings = settings
    // Workers begin while those whose places they take have yet to end.
    lanes = LaneStock(keeping: 2 * settings.processes)
    do throws(SystemFailure) {
      arena = try SharedArena(reserving: SharedRegion.pageSize)
      bellFlag = LaneFlag(at: arena.region.base)
      bell = try Bell(flag: bellFlag)
      watch = try BellWatch(bell)
    } catch {
      throw SystemError(error)
    }
    state = ForkAwareLock(PoolState(settings))
  }

  var isOfThisProcess: Bool { owner.isCurrent }

  func requireParent() throws {
    guard owner.isCurrent else { throw ProcessError.notParent }
  }

  /// Changes the state, and then does what that leaves to do.
  func with<Result>(_ body: (inout PoolState, inout PoolState.Chores) throws -> Result) rethrows -> Result {
    var chores = PoolState.Chores()
    let result = try state.withLock { state in
      let result = try body(&state, &chores)
      if hasForgotten.load(ordering: .relaxed) { forget(&state, &chores) }
      state.pump(&chores)
      keepTime(&state)
      return result
    }
    if !chores.isEmpty { finish(chores) }
    return result
  }

  /// Does what a change has left to do, and what follows from that.
  private func finish(_ chores: PoolState.Chores) {
    for job in chores.jobs { job.tell(self) }
    for birth in chores.births { start(birth.place, isAsync: birth.isAsync) }
    if !chores.retired.isEmpty { state.withLock { state in chores.retired.forEach(state.stop) } }
    if chores.isEnd {
      end.complete(.success(()))
      // The thread sleeps still.
      bell.ring()
    }
  }

  // MARK: Functions and jobs

  /// Makes a function known to workers that are born from now on.
  func register<In, Out>(_ task: PoolTask<In, Out>) throws -> PoolFunctionBody {
    try requireParent()
    return try state.withLock { state in
      guard state.phase == .open else { throw PoolError.closed }
      let function = PoolFunctionBody(state.scheduler.functions, task)
      state.functions[function.number] = function
      state.scheduler.functions += 1
      return function
    }
  }

  /// What it has captured goes without the lock.
  func forget(_ function: PoolFunctionBody) { _ = state.withLock { $0.functions.removeValue(forKey: function.number) } }

  /// The same soon, from wherever that is.
  func forgetLater(_ function: PoolFunctionBody) {
    guard owner.isCurrent else { return }
    forgotten.withLock {
      $0.append(function.number)
      hasForgotten.store(true, ordering: .relaxed)
    }
    // For want of anybody else the thread does it.
    bell.ring()
  }

  private func forget(_ state: inout PoolState, _ chores: inout PoolState.Chores) {
    let numbers = forgotten.withLock { numbers in
      defer { numbers = [] }
      hasForgotten.store(false, ordering: .relaxed)
      return numbers
    }
    chores.garbage += numbers.compactMap { state.functions.removeValue(forKey: $0) } as [AnyObject]
  }

  /// Queues a load. For a pool that is closed only what was begun before.
  func add(_ load: PoolLoad, to state: inout PoolState) {
    var function = load.job.function.number
    if load.namesDescriptors {
      // A worker that is born later than this has inherited them.
      function = max(function, state.scheduler.functions)
      state.scheduler.functions += 1
    }
    state.scheduler.add(
      PoolSlice(
        load: load, items: 0..<load.count, function: function, isAsync: load.job.function.isAsync,
        expected: load.job.function.itemTime.map { $0 * load.count }))
  }

  func takeSleeper(_ job: PoolJob) -> (@Sendable () -> Void)? {
    state.withLock { _ in
      defer { job.sleeper = nil }
      return job.sleeper
    }
  }

  func takeMail(_ job: PoolJob) -> PoolMail {
    state.withLock { _ in
      defer { job.mail = PoolMail() }
      return job.mail
    }
  }

  // MARK: Workers

  private func start(_ place: Int, isAsync: Bool) {
    if CurrentProcess.isEnding {
      return state.withLock { state in
        state.scheduler.startsAreHeld = true
        _ = state.scheduler.died(place, hasBegun: false)
      }
    }
    do {
      try serve()
      if isAsync { AsyncStart.prepare() }
      let process = ProcessStorage(name: nil, typeName: "PoolWorker", daemon: true)
      process.limits = ResourceLimits(memory: settings.memoryLimit)
      let member = try PoolMember(process, lanes)
      let worker = PoolWorker(
        lane: member.lane, arena: arena.region, bell: (bellFlag, bell.descriptor.raw),
        functions: state.withLock { $0.functions }, isAsync: isAsync, settings: settings)
      worker.rehearse()
      try process.start(
        isAsync: false, kept: bell.descriptor.raw, arguments: { .none }, body: { _ in worker.run() })
      adopt(member, at: place)
    } catch {
      with { state, chores in
        _ = state.scheduler.died(place, hasBegun: false)
        state.birthFailed((error as? SystemFailure).map { SystemError($0) } ?? error, &chores)
      }
    }
  }

  private func adopt(_ member: PoolMember, at place: Int) {
    let pidfd = try? member.process.pidfd()
    var isWatched = false
    if let pidfd { isWatched = (try? watch.add(pidfd)) != nil }
    var predecessor: Int32?
    let isUnwatched = with { state, chores in
      predecessor = state.predecessors.removeValue(forKey: place)
      member.pidfd = pidfd
      state.members[place] = member
      if state.phase == .terminated { member.kill(.terminated) }
      state.collect(&chores)
      return state.isUnwatched
    }
    if let predecessor, let pid = member.process.pid { Tracing.replaced(pid: predecessor, by: pid) }
    // Reaped by somebody else already, or nothing to watch it with: there is no use in it.
    if !isWatched || isUnwatched { end(member) }
  }

  /// Ends a worker whose end nobody waits for.
  private func end(_ member: PoolMember) {
    member.process.signalIgnoringErrors(.kill)
    member.process.waitIgnoringErrors(.never)
    bury(member)
  }

  private func bury(_ member: PoolMember) {
    let error: any Error
    do {
      if case .failed(let failure) = try member.process.ending() {
        error = failure
      } else {
        error = ProcessError.exited(0)
      }
    } catch let failure {
      error = failure
    }
    let status = member.process.status()
    if let pidfd = member.pidfd { watch.remove(pidfd) }
    with { state, chores in
      guard let place = state.members.firstIndex(where: { $0 === member }) else { return }
      if let peak = status?.peakMemory, peak > 0 { state.tally.saw(place, memory: peak) }
      state.buried(place, error, &chores)
    }
  }

  // MARK: The thread

  /// Starts the thread that collects while nobody else does.
  private func serve() throws {
    let isServed = state.withLock { state in
      defer { state.isServed = true }
      return state.isServed
    }
    if isServed { return }
    do throws(SystemFailure) {
      // The program's handlers are to run on the program's threads.
      try SignalMask.withAllBlocked {
        Result { () throws(SystemFailure) in try DetachedThread.start { [self] in run() } }
      }.get()
    } catch {
      state.withLock { $0.isServed = false }
      throw error
    }
  }

  private func run() {
    while true {
      var isIdle = false
      let hasEnded = with { state, chores in
        state.collect(&chores)
        state.keepOrder()
        if chores.isEmpty, state.drivers == 0 {
          bell.arm()
          // What came before is seen now, and what comes later rings.
          state.collect(&chores)
        }
        isIdle = chores.isEmpty
        if state.clock.hasPassed {
          // What has struck strikes on until it is set anew.
          // Fails only for what somebody else has closed: then the wait that follows fails as well, and tells.
          try? watch.setClock(to: .never)
          state.clock = .never
          state.isLeaseTimed = false
        }
        return state.hasEnded
      }
      if hasEnded { return }
      guard isIdle else { continue }
      do throws(SystemFailure) {
        for descriptor in try watch.wait() {
          let member = state.withLock { state in state.members.first { $0?.pidfd?.raw == descriptor } ?? nil }
          if let member, member.process.status() != nil { bury(member) }
        }
      } catch {
        // Somebody has closed what is not his: nothing can be waited for any more.
        giveUp(SystemError(error))
        let members = state.withLock { state in
          state.isUnwatched = true
          return state.members.compactMap { $0 }
        }
        for member in members { end(member) }
        return
      }
    }
  }

  /// Sees to it that the thread wakes up when something is due.
  private func keepTime(_ state: inout PoolState) {
    let due = state.nextDue()
    guard due < state.clock else { return }
    state.clock = due
    // As above.
    try? watch.setClock(to: due)
  }

  // MARK: Helping

  /// How long a thread looks for what it waits for before it sleeps, in nanoseconds.
  private static let patience: UInt64 = 30_000

  /// Collects on the calling thread, which waits for something, for a moment; false when nothing came.
  func help() -> Bool {
    guard owner.isCurrent, settings.spins else { return false }
    enter()
    let found = ShortLook.look(for: Self.patience) {
      with { state, chores in
        state.collect(&chores)
        return !chores.jobs.isEmpty
      }
    }
    leave()
    return found
  }

  /// The same until something comes for `job`, whose owner is the calling thread; false when nothing did.
  func help(for job: PoolJob) -> Bool {
    guard settings.spins else { return false }
    enter()
    defer { leave() }
    return watchForMail(job)
  }

  /// Looks for a moment whether something comes for `job`.
  func watchForMail(_ job: PoolJob) -> Bool {
    guard settings.spins else { return false }
    return ShortLook.look(for: Self.patience) {
      with { state, chores in
        state.collect(&chores)
        return !job.mail.isEmpty
      }
    }
  }

  /// From here on the calling thread collects, again and again.
  func enter() {
    with { state, _ in
      state.drivers += 1
      bell.disarm()
    }
  }

  func leave() {
    with { state, chores in
      state.drivers -= 1
      if state.drivers == 0 {
        bell.arm()
        state.collect(&chores)
      }
    }
  }

  /// What the workers have done; of one that is at work, up to the last chunk that it has ended.
  var statistics: PoolStatistics {
    guard owner.isCurrent else { return PoolStatistics() }
    let members = state.withLock { $0.members }
    let peaks = members.map { $0?.process.pid.map(PoolStatistics.peakMemory) ?? 0 }
    return with { state, chores in
      state.collect(&chores)
      // Those that have gone meanwhile have told the kernel how much they had.
      for (place, member) in members.enumerated() where member?.isReady ?? false && state.members[place] === member {
        state.tally.saw(place, memory: peaks[place])
      }
      return state.tally.statistics(at: monotonicNanoseconds())
    }
  }

  // MARK: The end

  func close() {
    guard owner.isCurrent else { return }
    with { state, _ in if state.phase == .open { state.phase = .closed } }
  }

  /// Ends everything that has not ended.
  func terminate() { giveUp(CancellationError()) }

  private func giveUp(_ error: any Error) {
    guard owner.isCurrent else { return }
    with { state, chores in
      if state.phase == .terminated { return }
      state.phase = .terminated
      state.failWaiting(error, &chores)
      state.forgetAll(&chores)
      for worker in state.scheduler.workers {
        guard let worker else { continue }
        for index in 0..<worker.sent.count {
          let sent = worker.sent[index]
          for item in sent.done..<sent.slice.items.count where !sent.isWithdrawn {
            state.fail(sent.slice.load.job, sent.slice.load.base + sent.slice.items.lowerBound + item, error, &chores)
          }
          sent.slice.load.job.isAbandoned = true
        }
      }
      for member in state.members { member?.kill(.terminated, by: .terminate) }
      state.patience = Deadline(after: ProcessStorage.grace)
    }
  }

  func requireOpen() throws {
    if state.withLock({ $0.phase != .open }) { throw PoolError.closed }
  }

  func requireNotOpen() throws {
    try requireParent()
    if state.withLock({ $0.phase == .open }) { throw PoolError.stillOpen }
  }
}
