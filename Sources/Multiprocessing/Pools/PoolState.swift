internal import MultiprocessingEngine

/// All that a pool knows, behind its lock: the scheduler, and the workers that carry out what it says.
struct PoolState {
  enum Phase {
    case open, closed, terminated
  }

  /// What is left to do once the lock is free.
  struct Chores {
    var births: [(place: Int, isAsync: Bool)] = []
    /// Those that make room for them. They end while the others begin, and not before: a processor does one of both at a time.
    var retired: [PoolMember] = []
    /// Jobs that something has come for.
    var jobs: [PoolJob] = []
    /// What may go with the last reference to it, and run code of the user's then.
    var garbage: [AnyObject] = []
    /// The pool has ended just now.
    var isEnd = false

    var isEmpty: Bool { births.isEmpty && retired.isEmpty && jobs.isEmpty && !isEnd }
  }

  typealias Scheduler = PoolScheduler<PoolLoad, PoolTicket>

  let settings: PoolSettings
  var scheduler: Scheduler
  /// By their places with the scheduler; nil for one that is not born yet.
  var members: [PoolMember?] = []
  var functions: [Int: PoolFunctionBody] = [:]
  var phase = Phase.open
  var hasEnded = false
  /// Maps whose inputs have not all been pulled: of a pool that is closed they go on.
  var openMaps = 0
  /// Threads that collect by themselves at the moment, so that no worker need ring.
  var drivers = 0
  /// Whether the clock is set because of them.
  var isLeaseTimed = false
  var isServed = false
  /// The thread is gone for want of what it waits with.
  var isUnwatched = false
  /// Workers that died ahead of one that was ready.
  var failedBirths = 0
  /// No worker is started before.
  var heldUntil: Deadline?
  var tally = PoolTally()
  /// Those that died out of turn, by their places, until others have taken those.
  var predecessors: [Int: Int32] = [:]
  /// When those that were asked to end are killed.
  var patience: Deadline?
  /// When those are looked for that hold up what waits behind them.
  var stuckLook: Deadline?
  /// When idle workers are looked for.
  var idleLook: Deadline?
  /// What the thread's clock is set to.
  var clock = Deadline.never

  init(_ settings: PoolSettings) {
    self.settings = settings
    // Whoever has to leave after some task takes nothing ahead of time.
    let mostSent = settings.tasksPerChild != nil || settings.recycleAbove != nil ? 1 : 128
    scheduler = Scheduler(.init(processes: settings.processes, retries: settings.retries, mostSent: mostSent))
  }

  // MARK: Steps

  /// Carries out what the scheduler says.
  mutating func pump(_ chores: inout Chores) {
    while let step = scheduler.nextStep() {
      switch step {
      case .send(let place, let slice): send(place, slice)
      case .start(let place, let isAsync):
        while members.count <= place { members.append(nil) }
        chores.births.append((place, isAsync))
      case .retire(let place): if let member = members[place] { chores.retired.append(member) }
      case .withdraw(let place, let index, let ticket):
        scheduler.withdrawn(place, index, members[place]?.withdraw(ticket) ?? false)
      }
    }
    if scheduler.hasGarbage { chores.garbage += scheduler.takeGarbage() as [AnyObject] }
    guard phase != .open, !hasEnded, scheduler.isDrained, openMaps == 0 || phase == .terminated else { return }
    for place in members.indices where members[place] != nil {
      guard let worker = scheduler.workers[place], worker.isIdle || worker.phase == .starting else { continue }
      // An initializer may take long, or for ever.
      if worker.phase == .starting, patience == nil { patience = Deadline(after: ProcessStorage.grace) }
      scheduler.retire(place)
      stop(place)
    }
    if !scheduler.hasWorkers {
      hasEnded = true
      chores.isEnd = true
      forgetAll(&chores)
    }
  }

  /// No worker will need a function any more.
  mutating func forgetAll(_ chores: inout Chores) {
    chores.garbage += functions.values.map { $0 as AnyObject }
    functions = [:]
  }

  private mutating func send(_ place: Int, _ slice: PoolSlice<PoolLoad>) {
    guard let member = members[place], let ticket = member.send(slice) else { return scheduler.refused(place, slice) }
    scheduler.sent(place, slice, ticket)
    slice.load.job.noteSent()
    member.lane.wakeWorker()
  }

  private func stop(_ place: Int) {
    if let member = members[place] { stop(member) }
  }

  /// Asks a worker to end that has nothing to do; there is room in its lane.
  func stop(_ member: PoolMember) {
    if !member.stop() { member.kill(.terminated) }
  }

  /// Ends the workers that have had nothing to do since the last look.
  mutating func retireIdle() {
    var isAnybodyLeft = false
    for place in members.indices {
      guard let member = members[place], let worker = scheduler.workers[place], worker.phase == .ready else { continue }
      if worker.isIdle, member.seenSlices == worker.endedSlices {
        scheduler.retire(place)
        stop(place)
      } else {
        member.seenSlices = worker.endedSlices
        isAnybodyLeft = true
      }
    }
    if isAnybodyLeft { idleLook = Deadline(after: settings.idleTime) }
  }

  // MARK: Collecting

  /// Takes what the workers have told.
  mutating func collect(_ chores: inout Chores) {
    for place in members.indices { collect(place, &chores) }
  }

  private mutating func collect(_ place: Int, _ chores: inout Chores) {
    guard let member = members[place], !member.reader.isEmpty() else { return }
    while let record = member.reader.next() {
      take(record, from: member, place, &chores)
      member.reader.release(record)
    }
    member.lane.tellOfRoom()
  }

  private mutating func take(_ record: LaneRecord, from member: PoolMember, _ place: Int, _ chores: inout Chores) {
    let payload = UnsafeRawBufferPointer(record.payload)
    switch PoolAnswer(rawValue: record.kind) {
    case .numbers:
      let count = Int(payload.load(as: UInt64.self))
      answer(place, count, &chores) { mail, index in
        mail.add(numbers: UnsafeRawBufferPointer(rebasing: payload[8...]), index, count)
      }
    case .value: answer(place, 1, &chores) { $0.add(payload, $1, isError: false) }
    case .error: answer(place, 1, &chores) { $0.add(payload, $1, isError: true) }
    case .valueBlock, .errorBlock:
      let block = PoolBlock(
        member.lane, offset: payload.load(as: Int.self), length: payload.load(fromByteOffset: 8, as: Int.self))
      let isError = record.kind == PoolAnswer.errorBlock.rawValue
      answer(place, 1, &chores) { $0.add($1, block, isError: isError) }
    case .end:
      let report = payload.load(as: SliceReport.self)
      guard let (slice, done) = scheduler.ended(place) else { return }
      tally.ran(place, tasks: done, for: report.duration)
      if report.memory > 0 { tally.saw(place, memory: Int(report.memory)) }
      if done > 0 { slice.load.job.function.itemTime = Int(report.duration) / done }
      if slice.load.job.isPools { chores.garbage.append(slice.load.job) }
    case .ready:
      failedBirths = 0
      member.isReady = true
      scheduler.ready(place)
      tally.began(place, id: Int(member.process.pid ?? 0), at: monotonicNanoseconds())
      if idleLook == nil { idleLook = Deadline(after: settings.idleTime) }
    case .initializerFailed:
      var reader = ByteReader(payload)
      let typeName = (try? reader.string()) ?? "Error"
      let error = RemoteError(typeName: typeName, description: (try? reader.string()) ?? "")
      scheduler.retire(place)
      failWaiting(PoolError.initializerFailed(error), &chores)
    case .leaving: scheduler.retire(place)
    case nil: break
    }
  }

  /// Delivers the answer to the next items of a worker's first slice.
  private mutating func answer(
    _ place: Int, _ count: Int, _ chores: inout Chores, _ add: (inout PoolMail, _ index: Int) -> Void
  ) {
    guard let (load, item) = scheduler.answered(place, count), !load.job.isAbandoned else { return }
    add(&load.job.mail, load.base + item)
    touch(load.job, &chores)
  }

  private func touch(_ job: PoolJob, _ chores: inout Chores) {
    if job.isUntold, chores.jobs.last !== job { chores.jobs.append(job) }
  }

  // MARK: Failing

  func fail(_ job: PoolJob, _ index: Int, _ error: any Error, _ chores: inout Chores) {
    guard !job.isAbandoned else { return }
    job.mail.add(index, error)
    touch(job, &chores)
  }

  /// Fails all that waits for a worker.
  mutating func failWaiting(_ error: any Error, _ chores: inout Chores) {
    for slice in scheduler.drop(where: { _ in true }) {
      let job = slice.load.job
      for item in slice.items where !job.isAbandoned { job.mail.add(slice.load.base + item, breakdown: error) }
      touch(job, &chores)
    }
  }

  /// Nobody wants anything of a job any more: drops what has not begun, and `kills` those that run something of it.
  mutating func abandon(_ job: PoolJob, kills: Bool) {
    if !job.isAbandoned {
      job.isAbandoned = true
      scheduler.drop(waiting: job.waiting)
    }
    takeBack(job, kills: kills) { _ in true }
  }

  /// Whether the worker runs the slice of that index now: those before it are done, or passed over.
  private func isRunning(_ index: Int, of worker: Scheduler.Worker) -> Bool {
    (0..<index).allSatisfy {
      let sent = worker.sent[$0]
      return sent.isWithdrawn || sent.isDisowned || sent.done == sent.slice.items.count
    }
  }

  /// Drops what has not begun of a job from an unwanted item on, which is told by its place among the job's.
  mutating func withdraw(_ job: PoolJob, where isUnwanted: (_ item: Int) -> Bool) {
    _ = scheduler.drop { $0.load.job === job && isUnwanted($0.load.base + $0.items.lowerBound) }
    takeBack(job, kills: false, where: isUnwanted)
  }

  /// The same for what workers have.
  private mutating func takeBack(_ job: PoolJob, kills: Bool, where isUnwanted: (_ item: Int) -> Bool) {
    guard job.wasSent else { return }
    for (place, worker) in scheduler.workers.enumerated() {
      guard let worker, let member = members[place] else { continue }
      for index in 0..<worker.sent.count where worker.sent[index].slice.load.job === job {
        let sent = worker.sent[index]
        guard !sent.isWithdrawn, isUnwanted(sent.slice.load.base + sent.slice.items.lowerBound + sent.done) else {
          continue
        }
        let isBack = member.withdraw(sent.ticket)
        scheduler.withdrawn(place, index, isBack, wanted: false)
        if isBack { continue }
        member.disown(sent.ticket)
        scheduler.disowned(place, index)
        if kills, isRunning(index, of: worker) { member.kill(.cancelled) }
      }
    }
  }

  // MARK: Deaths

  /// A worker has died, of what `error` tells.
  mutating func buried(_ place: Int, _ error: any Error, _ chores: inout Chores) {
    guard let member = members[place] else { return }
    collect(place, &chores)
    if let (count, numbers) = member.unfinishedNumbers(), let worker = scheduler.workers[place], !worker.sent.isEmpty {
      let most = worker.sent[0].slice.items.count - worker.sent[0].done
      let stride = worker.sent[0].slice.load.job.outputStride
      if count <= most {
        answer(place, count, &chores) {
          $0.add(numbers: UnsafeRawBufferPointer(start: numbers, count: count * stride), $1, count)
        }
      }
    }
    let hasBegun = scheduler.workers[place].map { worker in
      !worker.sent.isEmpty && !worker.sent[0].isWithdrawn
        && !member.withdraw(worker.sent[0].ticket)
    }
    let begun = member.lane.begun.observe()
    members[place] = nil
    if let worker = scheduler.workers[place] {
      for index in 0..<worker.sent.count { chores.garbage.append(worker.sent[index].slice.load.job) }
    }
    guard let death = scheduler.died(place, hasBegun: hasBegun ?? false) else { return }
    tally.ended(place, at: monotonicNanoseconds())
    if death.phase != .leaving, phase == .open { predecessors[place] = member.process.pid }
    if death.victim != nil { tally.ran(place, tasks: 1, for: 0) }
    if phase != .terminated, death.phase == .starting, member.doom == nil { birthFailed(error, &chores) }
    guard let victim = death.victim else { return }
    let job = victim.slice.load.job
    if job.isAbandoned { return }
    var error = error
    switch member.doom {
    case nil: break
    case .terminated: error = CancellationError()
    case .cancelled, .stalled: return scheduler.repeatInnocent(victim)
    case .overdue(let since):
      guard since == begun else { return scheduler.repeatInnocent(victim) }
      error = TimeoutError(operation: "a task of \(member.process.name)", timeout: settings.taskTimeout ?? .zero)
    }
    if phase == .terminated || !scheduler.retry(victim) {
      fail(job, victim.slice.load.base + victim.item, error, &chores)
    }
  }

  /// A worker has died before it was ready, or could not be started.
  mutating func birthFailed(_ error: any Error, _ chores: inout Chores) {
    guard isServed else {
      // Nobody is there who would try again later.
      failedBirths = 0
      scheduler.startsAreHeld = false
      heldUntil = nil
      return failWaiting(error, &chores)
    }
    failedBirths += 1
    // Beyond the first few, not at once.
    if failedBirths > 1 {
      scheduler.startsAreHeld = true
      heldUntil = Deadline(after: .milliseconds(min(failedBirths, 10) * 10))
    }
    // One that was killed may be no fault of the initializer's.
    let isKill = if case ProcessError.killed = error { true } else { false }
    let patience = isKill ? 50 : settings.initializer == nil ? 10 : 3
    // As long as one is there, what waits is not lost.
    guard failedBirths >= patience, !scheduler.hasReadyWorkers else { return }
    failedBirths = 0
    failWaiting(
      settings.initializer == nil ? error : PoolError.initializerFailed(RemoteError(error)), &chores)
  }
}
