internal import MultiprocessingEngine

/// One map under way: inputs are pulled as workers need them, results are decoded as they come. For one thread or task at a time.
final class PoolMapping<In, Out> {
  private let core: PoolCore
  private let task: PoolTask<In, Out>
  private let chunking: PoolChunking
  private let ownsFunction: Bool
  let job: PoolJob
  private let inputs: PoolInputs<In>
  private var mail = PoolMail()

  private(set) var isExhausted = false
  /// Whether the pool waits for this map's inputs.
  private var isOpen = false
  /// Inputs pulled, and items that have an answer.
  private(set) var fed = 0
  private(set) var answered = 0
  private var itemTime: Int?
  private var itemBytes = 0
  /// Items that never left, for they could not be encoded.
  private var failures: [(index: Int, error: any Error)] = []

  init(
    _ core: PoolCore, _ task: PoolTask<In, Out>, _ function: PoolFunctionBody, ownsFunction: Bool,
    _ inputs: PoolInputs<In>,
    _ chunking: PoolChunking
  ) throws(PoolError) {
    self.core = core
    self.task = task
    self.inputs = inputs
    self.chunking = chunking
    self.ownsFunction = ownsFunction
    job = PoolJob(function, outputStride: task.output.stride)
    // A pool that was closed since somebody looked may have ended.
    isOpen = core.with { state, _ in
      if state.phase == .open { state.openMaps += 1 }
      return state.phase == .open
    }
    if !isOpen { throw .closed }
  }

  deinit {
    guard core.isOfThisProcess else { return }
    // Of one that is done as well: what holds the job still, because the end of its last slice was not heard of yet, lets go of it without the lock.
    abandon(kills: false)
    if ownsFunction { core.forget(job.function) }
  }

  /// How many inputs there are; nil when nobody knows.
  var total: Int? { chunking.total }
  var isDone: Bool { isExhausted && answered == fed }

  /// Nobody wants the results any more.
  func abandon(kills: Bool) {
    isExhausted = true
    guard core.isOfThisProcess else { return }
    core.with { state, _ in
      state.abandon(job, kills: kills)
      noteExhaustion(&state)
    }
  }

  /// The pool may end without this map once what it has fed is done.
  private func noteExhaustion(_ state: inout PoolState) {
    guard isExhausted, isOpen else { return }
    isOpen = false
    state.openMaps -= 1
  }

  /// No more inputs are pulled, and those after `index` need not be run.
  func stop(after index: Int) {
    isExhausted = true
    core.with { state, _ in
      state.withdraw(job) { $0 > index }
      noteExhaustion(&state)
    }
  }

  // MARK: Turns

  /// Feeds what may be under way, beside `unread` results that nobody has taken, and delivers what has come. False when nothing has.
  ///
  /// Throws `CancellationError` when the pool was terminated, and what keeps it from running anything; `PoolError.closed` never: what has begun
  /// goes on.
  func turn(
    unread: Int, numbers: (_ first: Int, _ count: Int, UnsafeRawPointer) -> Void,
    item: (_ index: Int, Result<Out, any Error>) -> Void
  ) throws -> Bool {
    try core.requireParent()
    let loads = feed(beside: unread)
    try exchange(loads)
    let before = answered
    for (index, error) in failures {
      answered += 1
      item(index, .failure(error))
    }
    failures.removeAll()
    mail.decode(
      task,
      numbers: {
        answered += $1
        numbers($0, $1, $2)
      },
      item: {
        answered += 1
        item($0, $1)
      })
    let breakdown = mail.breakdown
    mail.clear()
    if let breakdown { throw breakdown }
    return answered > before
  }

  private func exchange(_ loads: [PoolLoad]) throws {
    try core.with { state, chores in
      if state.phase == .terminated { throw CancellationError() }
      for load in loads { core.add(load, to: &state) }
      noteExhaustion(&state)
      state.collect(&chores)
      swap(&job.mail, &mail)
      itemTime = job.function.itemTime
    }
  }

  /// Has `wake` called when something comes; false, and it is not called, when something has.
  func sleep(_ wake: @escaping @Sendable () -> Void) -> Bool {
    core.with { state, chores in
      state.collect(&chores)
      guard job.mail.isEmpty, state.phase != .terminated else { return false }
      job.sleeper = wake
      return true
    }
  }

  // MARK: Feeding

  private func feed(beside unread: Int) -> [PoolLoad] {
    var loads: [PoolLoad] = []
    while !isExhausted {
      let size = chunking.size(itemTime: itemTime, itemBytes: itemBytes, fed: fed)
      let window = chunking.window(itemTime: itemTime, itemBytes: itemBytes, size: size)
      guard fed - answered - failures.count + unread < window else { break }
      if let stride = task.input.stride {
        feedNumbers(size, stride, &loads)
      } else {
        feedEncoded(size, &loads)
      }
      if loads.count >= 64 { break }
    }
    return loads
  }

  private func feedNumbers(_ size: Int, _ stride: Int, _ loads: inout [PoolLoad]) {
    itemBytes = stride
    var count = 0
    func fill(_ target: UnsafeMutableRawPointer, _ most: Int) {
      count = inputs.fill(target, most)
      isExhausted = count < most
    }
    let storage: PoolLoad.Storage
    if size * stride >= PoolLoad.leastBlock, let block = try? core.arena.take(size * stride) {
      fill(block.bytes.baseAddress!, size)
      storage = .block(block, length: count * stride)
    } else {
      let most = stride == 0 ? size : min(size, max(1, PoolLoad.leastBlock / stride))
      let bytes = [UInt8](unsafeUninitializedCapacity: max(8, most * stride)) { buffer, length in
        fill(UnsafeMutableRawPointer(buffer.baseAddress!), most)
        length = count * stride
      }
      storage = .bytes(bytes)
    }
    if count > 0 { loads.append(PoolLoad(job, base: fed, count: count, storage: storage)) }
    fed += count
  }

  private func feedEncoded(_ size: Int, _ loads: inout [PoolLoad]) {
    let encoder = WireEncoder(carriesDescriptors: true)
    var ends: [Int] = []
    let base = fed
    var failure: (any Error)?
    while ends.count < size, failure == nil {
      guard let input = inputs.next() else {
        isExhausted = true
        break
      }
      fed += 1
      let descriptors = encoder.descriptors.count
      do {
        try task.input.encode(input, encoder)
        ends.append(encoder.byteCount)
        if encoder.descriptors.count > descriptors { job.kept.append(input) }
      } catch {
        failure = error
      }
      // Nobody knew how much they weigh.
      if encoder.byteCount > 256 << 10 { break }
    }
    if !ends.isEmpty {
      itemBytes = encoder.byteCount / ends.count
      do throws(SystemFailure) {
        let load = try PoolLoad.encoded(encoder, ends, in: core.arena, for: job, base: base)
        loads.append(load)
      } catch {
        for index in ends.indices { failures.append((base + index, SystemError(error))) }
      }
    }
    if let failure { failures.append((fed - 1, failure)) }
  }
}

extension PoolLoad {
  /// Items that were encoded one after another.
  static func encoded(
    _ encoder: WireEncoder, _ ends: [Int], in arena: SharedArena, for job: PoolJob, base: Int
  ) throws(SystemFailure) -> PoolLoad {
    let header = PoolPayload.headerSize(items: ends.count, descriptors: encoder.descriptors.count)
    let storage = try store(header + encoder.byteCount, in: arena) { target in
      PoolPayload.writeHeader(ends, encoder.descriptors, to: target)
      encoder.copy(to: target + header)
    }
    return PoolLoad(
      job, base: base, count: ends.count, storage: storage, namesDescriptors: !encoder.descriptors.isEmpty)
  }
}
