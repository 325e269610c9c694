internal import MultiprocessingEngine
import Synchronization

/// The results of one map, as the threads bring them.
final class ThreadPoolMail<Out: Sendable>: Sendable {
  private struct State {
    var results: [(first: Int, results: [Result<Out, any Error>])] = []
    var itemTime: Int?
    var isTerminated = false
    var sleeper: (@Sendable () -> Void)?
  }

  private let state = ForkAwareLock(State())
  /// The items after it need not be run. Only a hint for the threads; hence relaxed.
  private let limit = Atomic(Int.max)

  func isWanted(_ item: Int) -> Bool { item <= limit.load(ordering: .relaxed) }
  func stop(after item: Int) { limit.store(item, ordering: .relaxed) }

  func deliver(_ results: [Result<Out, any Error>], from first: Int, itemTime: Int) {
    change { state in
      state.results.append((first, results))
      state.itemTime = itemTime
    }
  }

  func terminate() { change { $0.isTerminated = true } }

  private func change(_ body: (inout State) -> Void) {
    let sleeper = state.withLock { state in
      body(&state)
      return state.sleeper.take()
    }
    sleeper?()
  }

  /// What has come. Throws `CancellationError` when nothing more will.
  func take() throws -> (results: [(first: Int, results: [Result<Out, any Error>])], itemTime: Int?) {
    try state.withLock { state in
      if state.isTerminated { throw CancellationError() }
      defer { state.results = [] }
      return (state.results, state.itemTime)
    }
  }

  /// Has `wake` called when something comes; false, and it is not called, when something has.
  func sleep(_ wake: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      guard state.results.isEmpty, !state.isTerminated else { return false }
      state.sleeper = wake
      return true
    }
  }
}

/// Some inputs of a map.
final class ThreadPoolChunk<In: Sendable, Out: Sendable>: ThreadPoolLoad, @unchecked Sendable {
  // Sendable: as the class above.
  private let inputs: [In]
  private let base: Int
  private let task: ThreadPoolTask<In, Out>
  private let mail: ThreadPoolMail<Out>

  init(_ inputs: [In], base: Int, _ task: ThreadPoolTask<In, Out>, _ mail: ThreadPoolMail<Out>) {
    self.inputs = inputs
    self.base = base
    self.task = task
    self.mail = mail
  }

  override var isAbandoned: Bool { !mail.isWanted(base) }

  /// Results that took long are delivered at once, the others together.
  override func run(_ items: Range<Int>) {
    var first = items.lowerBound
    var results: [Result<Out, any Error>] = []
    var last = monotonicNanoseconds()
    for item in items where mail.isWanted(base + item) {
      results.append(Result { try task.call(inputs[item]) })
      let now = monotonicNanoseconds()
      if now - last < 200_000, item + 1 < items.upperBound { continue }
      mail.deliver(results, from: base + first, itemTime: Int(now - last) / results.count)
      results.removeAll(keepingCapacity: true)
      (first, last) = (item + 1, now)
    }
    // The rest of them is not wanted.
    if !results.isEmpty { mail.deliver(results, from: base + first, itemTime: 1_000) }
  }

  override func fail(_ items: Range<Int>, _ error: any Error) {
    if error is CancellationError { return mail.terminate() }
    mail.deliver(items.map { _ in .failure(error) }, from: base + items.lowerBound, itemTime: 1_000)
  }
}

/// One map under way: inputs are pulled as threads need them, results are taken as they come. For one thread or task at a time.
final class ThreadPoolMapping<Inputs: IteratorProtocol, Out: Sendable> where Inputs.Element: Sendable {
  private let core: ThreadPoolCore
  private let task: ThreadPoolTask<Inputs.Element, Out>
  private let chunking: PoolChunking
  let mail = ThreadPoolMail<Out>()
  private var inputs: Inputs

  private(set) var isExhausted = false
  /// Inputs pulled, and items that have an answer.
  private(set) var fed = 0
  private(set) var answered = 0
  private var itemTime: Int?

  init<S: Sequence>(
    _ core: ThreadPoolCore, _ task: ThreadPoolTask<Inputs.Element, Out>, _ inputs: S, _ chunkSize: Int?
  ) throws where S.Iterator == Inputs {
    try core.requireOpen()
    if let chunkSize, chunkSize < 1 {
      throw PoolError.invalidArgument("a chunk of \(chunkSize) inputs: give 1 or more")
    }
    self.core = core
    self.task = task
    self.inputs = inputs.makeIterator()
    chunking = PoolChunking(fixed: chunkSize, processes: core.threads, total: knownCount(of: inputs))
  }

  deinit { if !isDone { abandon() } }

  /// How many inputs there are; nil when nobody knows.
  var total: Int? { chunking.total }
  var isDone: Bool { isExhausted && answered == fed }

  /// Nobody wants the results any more: what has not begun is not run.
  func abandon() {
    isExhausted = true
    mail.stop(after: -1)
  }

  /// No more inputs are pulled, and those after `index` need not be run.
  func stop(after index: Int) {
    isExhausted = true
    mail.stop(after: index)
  }

  /// Feeds what may be under way, beside `unread` results that nobody has taken, and delivers what has come. False when nothing has.
  func turn(unread: Int, item: (_ index: Int, Result<Out, any Error>) -> Void) throws -> Bool {
    try feed(beside: unread)
    let (parts, itemTime) = try mail.take()
    if let itemTime { self.itemTime = itemTime }
    for (first, results) in parts {
      answered += results.count
      for (offset, result) in results.enumerated() { item(first + offset, result) }
    }
    return !parts.isEmpty
  }

  private func feed(beside unread: Int) throws {
    var loads: [(load: ThreadPoolLoad, count: Int)] = []
    while !isExhausted {
      let size = chunking.size(itemTime: itemTime, itemBytes: 0, fed: fed)
      guard fed - answered + unread < chunking.window(itemTime: itemTime, itemBytes: 0, size: size) else { break }
      var chunk: [Inputs.Element] = []
      while chunk.count < size, let input = inputs.next() { chunk.append(input) }
      isExhausted = chunk.count < size
      if chunk.isEmpty { break }
      loads.append((ThreadPoolChunk(chunk, base: fed, task, mail), chunk.count))
      fed += chunk.count
    }
    if !loads.isEmpty { try core.add(loads, isNew: false) }
  }

  /// Blocks until something has come.
  func wait() {
    if core.help() { return }
    let latch = Latch()
    if mail.sleep({ latch.open() }) { _ = latch.wait(until: .never) }
  }

  /// The same in a task.
  nonisolated(nonsending) func waitSuspended() async throws {
    let latch = TaskLatch()
    if mail.sleep({ latch.open() }) { _ = try await latch.wait(until: .never) }
  }
}
