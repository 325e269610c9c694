/// Who runs what: a pure state machine. The caller tells it what happens, and carries out the steps it asks for.
///
/// Slices go to workers in the order in which they came. A worker gets a second one ahead of time when no other worker could take it, and many when
/// they are tiny; what it has not begun with goes back when another one has nothing to do, and when it dies. A worker that lacks the function that
/// comes next makes room for a fresh one.
struct PoolScheduler<Load: PoolWork, Ticket> {
  typealias Slice = PoolSlice<Load>
  typealias Worker = PoolWorkerState<Load, Ticket>

  struct Policy {
    /// How many workers there may be.
    var processes: Int
    /// How often an item that cost a worker is run again.
    var retries = 0
    /// How many slices a worker has at most, how many nanoseconds' worth beyond the second.
    var mostSent = 128
    var mostExpected = 200_000
  }

  enum Step {
    case send(worker: Int, Slice)
    /// A worker is to be started; until `ready` or `died` it counts as starting.
    case start(worker: Int, isAsync: Bool)
    /// An idle worker is to end.
    case retire(worker: Int)
    /// A slice of a worker is to be taken back; `withdrawn` has to follow.
    case withdraw(worker: Int, index: Int, Ticket)
  }

  private let policy: Policy
  private(set) var queue = PoolQueue<Load>()
  /// By their places, which are reused.
  private(set) var workers: [Worker?] = []
  /// What the next worker is born with.
  var functions = 0
  /// No worker is started meanwhile.
  var startsAreHeld = false
  /// Those that are starting or ready.
  private(set) var staff = 0

  init(_ policy: Policy) { self.policy = policy }

  /// Whether there is nothing to do, in the queue or with a worker.
  var isDrained: Bool { queue.isEmpty && workers.allSatisfy { $0?.sent.isEmpty ?? true } }
  var hasReadyWorkers: Bool { workers.contains { $0?.phase == .ready } }
  var hasWorkers: Bool { workers.contains { $0 != nil } }

  // MARK: What comes

  mutating func add(_ slice: Slice) { queue.append(slice) }

  /// Takes slices out of the queue.
  mutating func drop(where isUnwanted: (Slice) -> Bool) -> [Slice] { queue.removeAll(where: isUnwanted) }

  /// So many that wait are not to be handed out any more: `isDropped` has just become true.
  mutating func drop(waiting count: Int) { queue.drop(count) }

  /// Takes the first that waits.
  mutating func takeLast() -> Slice? { queue.popLast() }

  /// What was dropped, to be let go of without a lock.
  mutating func takeGarbage() -> [Load] { queue.takeGarbage() }
  var hasGarbage: Bool { queue.hasGarbage }

  // MARK: Steps

  /// What is to be done next; nil when nothing is. Each step counts as done.
  mutating func nextStep() -> Step? {
    guard let front = queue.first else { return nextTheft() }
    // Those that are on their way take what waits, one each at first.
    let arriving = workers.count { worker in worker.map { $0.phase == .starting && $0.canRun(front) } ?? false }
    if let place = worker(for: front, aheadOfTime: staff >= policy.processes && arriving < queue.count) {
      _ = queue.popFirst()
      return .send(worker: place, front)
    }
    guard arriving < queue.count, !startsAreHeld else { return nil }
    if staff < policy.processes { return start(for: front) }
    guard let place = workers.firstIndex(where: { $0?.isIdle ?? false }) else { return nil }
    retire(place)
    return .retire(worker: place)
  }

  /// Puts work that has come back ahead of all that waits.
  private mutating func putBack(_ slice: Slice) {
    if !slice.load.isAbandoned { queue.prepend(slice) }
  }

  private mutating func start(for slice: Slice) -> Step {
    let worker = Worker(birth: functions, isAsync: slice.isAsync)
    staff += 1
    if let place = workers.firstIndex(where: { $0 == nil }) {
      workers[place] = worker
      return .start(worker: place, isAsync: slice.isAsync)
    }
    workers.append(worker)
    return .start(worker: workers.count - 1, isAsync: slice.isAsync)
  }

  /// An idle one, else the one that will be done first, if it may have one more.
  private func worker(for slice: Slice, aheadOfTime: Bool) -> Int? {
    var best: (place: Int, expected: Int)?
    for place in workers.indices {
      guard let worker = workers[place], worker.phase == .ready, !worker.isFull, worker.canRun(slice) else { continue }
      if worker.sent.isEmpty { return place }
      guard aheadOfTime, worker.sent.count < policy.mostSent else { continue }
      guard worker.sent.count < min(2, policy.mostSent) || worker.expected < policy.mostExpected else { continue }
      let expected = worker.expected + worker.sent.count
      if best.map({ expected < $0.expected }) ?? true { best = (place, expected) }
    }
    return best?.place
  }

  /// Takes a slice back that another worker could begin with at once.
  private func nextTheft() -> Step? {
    guard workers.contains(where: { $0?.isIdle ?? false }) else { return nil }
    for place in workers.indices {
      guard let worker = workers[place], worker.sent.count >= 2 else { continue }
      guard let index = (1..<worker.sent.count).last(where: { !worker.sent[$0].isWithdrawn }) else { continue }
      let last = worker.sent[index]
      // Tiny ones behind tiny ones are faster done where they are.
      let isLong = max(last.slice.expected ?? .max, worker.sent[0].slice.expected ?? .max) > policy.mostExpected / 4
      guard !last.isClaimed, isLong || worker.isStuck else { continue }
      guard workers.contains(where: { $0.map { $0.isIdle && $0.canRun(last.slice) } ?? false }) else { continue }
      return .withdraw(worker: place, index: index, last.ticket)
    }
    return nil
  }

  /// Whether somebody has nothing to do while others have more than they can do at once: a while later, `noteStuck` is to be called.
  var mayBeStuck: Bool {
    queue.isEmpty && workers.contains { $0?.isIdle ?? false }
      && workers.contains { $0.map { $0.sent.count >= 2 && !$0.isStuck } ?? false }
  }

  /// Looks who has not come on since the last look; what waits behind those goes to others.
  mutating func noteStuck() {
    for case let worker? in workers where worker.sent.count >= 2 {
      worker.isStuck = worker.seenSlices == worker.endedSlices
      worker.seenSlices = worker.endedSlices
    }
  }

  /// The worker has got the slice of a `send`.
  mutating func sent(_ place: Int, _ slice: Slice, _ ticket: Ticket) {
    workers[place]!.sent.append(Worker.Sent(slice: slice, ticket: ticket))
    workers[place]!.expected += slice.expected ?? policy.mostExpected
  }

  /// There was no room for the slice of a `send`.
  mutating func refused(_ place: Int, _ slice: Slice) {
    workers[place]!.isFull = true
    queue.prepend(slice)
  }

  /// Whether a slice of the worker could be taken back; it then waits for another worker, if it is still `wanted`.
  mutating func withdrawn(_ place: Int, _ index: Int, _ isBack: Bool, wanted: Bool = true) {
    if isBack {
      workers[place]!.sent[index].isWithdrawn = true
      if wanted { queue.append(workers[place]!.sent[index].slice) }
    } else {
      workers[place]!.sent[index].isClaimed = true
    }
  }

  /// What the worker has not begun with of a slice is not wanted any more, and it was told so.
  mutating func disowned(_ place: Int, _ index: Int) { workers[place]!.sent[index].isDisowned = true }

  /// The worker takes nothing more.
  mutating func retire(_ place: Int) {
    guard let phase = workers[place]?.phase, phase != .leaving else { return }
    workers[place]!.phase = .leaving
    staff -= 1
  }

  // MARK: What workers tell

  mutating func ready(_ place: Int) {
    if workers[place]?.phase == .starting { workers[place]!.phase = .ready }
  }

  /// The next items of the first slice have answers: the load, and the first of the items.
  mutating func answered(_ place: Int, _ count: Int) -> (load: Load, item: Int)? {
    guard let worker = workers[place], !worker.sent.isEmpty else { return nil }
    let item = worker.sent[0].slice.items.lowerBound + worker.sent[0].done
    guard item + count <= worker.sent[0].slice.items.upperBound else { return nil }
    worker.sent[0].done += count
    return (worker.sent[0].slice.load, item)
  }

  /// The worker is done with its first slice, or has not run it at all. The slice, and how many of its items have answers.
  @discardableResult
  mutating func ended(_ place: Int) -> (slice: Slice, done: Int)? {
    guard let worker = workers[place], let first = worker.sent.popFirst() else { return nil }
    worker.expected -= first.slice.expected ?? policy.mostExpected
    worker.isFull = false
    worker.isStuck = false
    worker.endedSlices += 1
    let next = first.slice.items.lowerBound + first.done
    if !first.isWithdrawn, !first.isDisowned, next < first.slice.items.upperBound {
      putBack(first.slice.rest(from: next))
    }
    return (first.slice, first.done)
  }

  /// What a death has done.
  struct Death {
    /// The item that the worker was running, and how often it has been tried before.
    var victim: (slice: Slice, item: Int)?
    var phase: Worker.Phase
  }

  /// The worker is gone; all its answers have been counted. What it had goes back to the queue, but for the item that it was running,
  /// if it has begun with the first slice at all.
  mutating func died(_ place: Int, hasBegun: Bool) -> Death? {
    guard let worker = workers[place] else { return nil }
    let phase = worker.phase
    retire(place)
    var death = Death(phase: phase)
    workers[place] = nil
    var back: [Slice] = []
    if hasBegun, let first = worker.sent.popFirst(), !first.isWithdrawn {
      let next = first.slice.items.lowerBound + first.done
      if next < first.slice.items.upperBound {
        death.victim = (first.slice.rest(from: next), next)
        if next + 1 < first.slice.items.upperBound, !first.isDisowned { back.append(first.slice.rest(from: next + 1)) }
      }
    }
    while let sent = worker.sent.popFirst() {
      let next = sent.slice.items.lowerBound + sent.done
      if !sent.isWithdrawn, !sent.isDisowned, next < sent.slice.items.upperBound {
        back.append(sent.slice.rest(from: next))
      }
    }
    for slice in back.reversed() { putBack(slice) }
    return death
  }

  /// Runs the item of a death once more, if that is allowed; false when it has failed for good.
  mutating func retry(_ victim: (slice: Slice, item: Int)) -> Bool {
    guard victim.slice.attempts < policy.retries else { return false }
    var slice = victim.slice
    slice.items = victim.item..<victim.item + 1
    slice.attempts += 1
    queue.prepend(slice)
    return true
  }

  /// Runs the item of a death once more although it was begun: it was not its doing.
  mutating func repeatInnocent(_ victim: (slice: Slice, item: Int)) {
    var slice = victim.slice
    slice.items = victim.item..<victim.item + 1
    queue.prepend(slice)
  }
}
