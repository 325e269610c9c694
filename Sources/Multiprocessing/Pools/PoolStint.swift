internal import Glibc
internal import MultiprocessingEngine

/// A worker at work: the slice it runs, and how its answers go back.
final class PoolStint {
  private let link: PoolLink
  private let arena: UnsafeMutableRawPointer
  private let executors: ChildExecutors?
  private let isTimed: Bool
  private let tasksPerChild: Int
  private let recycleAbove: Int
  private var encoder = WireEncoder()

  /// The encoded items of the load.
  private(set) var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
  private(set) var items = 0..<0
  private var tasks = 0
  /// Whether the worker has to end, and why it does not take the next item.
  private(set) var mustLeave = false
  private var memory = 0

  init(
    _ link: PoolLink, arena: UnsafeMutableRawPointer, executors: ChildExecutors?, isTimed: Bool, tasksPerChild: Int?,
    recycleAbove: Int?
  ) {
    self.link = link
    self.arena = arena
    self.executors = executors
    self.isTimed = isTimed
    self.tasksPerChild = tasksPerChild ?? .max
    self.recycleAbove = recycleAbove ?? .max
  }

  /// Whether nothing is to be done between one item and the next.
  private var isPlain: Bool { !isTimed && tasksPerChild == .max && recycleAbove == .max }

  func run(_ request: LaneRecord, start: UInt64, _ functions: [Int: PoolFunctionBody]) -> UInt64 {
    let place = request.payload.baseAddress!
    let header = place.load(as: SliceHeader.self)
    if SliceHeader.claim(at: place, for: SliceHeader.Claim.taken), let function = functions[header.function] {
      let base = header.offset < 0 ? place + SliceHeader.size : arena + header.offset
      bytes = UnsafeRawBufferPointer(start: base, count: header.length)
      items = header.first..<header.first + header.count
      runningSlice = place
      let span = Tracing.task(header.count == 1 ? "a task" : "\(header.count) tasks")
      function.run(self)
      span.end()
    }
    let end = monotonicNanoseconds()
    link.release(request)
    link.end(SliceReport(start: start, duration: end - start, memory: UInt64(memory)))
    if link.isMute { mustLeave = true }
    return end
  }

  // MARK: Around each item

  /// Whether the next item is not to be run: the worker has to end, or nobody wants the rest of the slice any more.
  var mustStop: Bool { mustLeave || isRestDisowned() }

  func begin() {
    if isTimed { link.note(begun: monotonicNanoseconds()) }
  }

  func finish() {
    if isTimed { link.note(begun: nil) }
    tasks += 1
    if tasks >= tasksPerChild { mustLeave = true }
    if recycleAbove != .max {
      memory = Self.residentMemory()
      if memory > recycleAbove { mustLeave = true }
    }
  }

  /// Bytes; 0 without a mounted proc(5).
  private static func residentMemory() -> Int {
    // The second field of statm, in pages; proc(5).
    let fields = SmallFile.read("/proc/self/statm")?.split(separator: " ") ?? []
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * SharedRegion.pageSize : 0
  }

  // MARK: Answers

  // What an item has printed is out before its answer: nobody knows what becomes of the worker then.

  func answer(_ error: any Error) {
    StandardStreams.flush()
    let told = (error as? SystemFailure).map { SystemError($0) as any Error } ?? error
    let bytes = ThrownError.encode(told, told: RemoteError(told))
    do {
      try bytes.withUnsafeBytes { bytes in
        try link.tell(.error, orBlock: .errorBlock, length: bytes.count) { target in
          if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: bytes.count) }
        }
      }
    } catch {
      // It is too long for the memory there is: then this is what has gone wrong.
      let lack = ThrownError.encode(error, told: RemoteError(error))
      lack.withUnsafeBytes { link.tell(.error, $0) }
    }
  }

  func answer<Out>(_ value: Out, _ coding: PoolCoding<Out>) throws {
    if let stride = coding.stride {
      let room = link.room(for: 8 + stride)
      room.storeBytes(of: 1, as: UInt64.self)
      if stride > 0 { (room + 8).assumingMemoryBound(to: Out.self).initialize(to: value) }
      return link.commit(.numbers, 8 + stride)
    }
    // Code of the user's may have kept what encoded its value.
    defer { if !encoder.clear() || !isKnownUniquelyReferenced(&encoder) { encoder = WireEncoder() } }
    try coding.encodeTried(value, encoder)
    try link.tell(.value, orBlock: .valueBlock, length: encoder.byteCount) { encoder.copy(to: $0) }
  }

  /// The answer of an async item, encoded by its task.
  func answer<Out>(_ bytes: [UInt8], of coding: PoolCoding<Out>) throws {
    try bytes.withUnsafeBytes { bytes in
      func copy(to target: UnsafeMutableRawPointer) {
        if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: bytes.count) }
      }
      guard let stride = coding.stride else {
        return try link.tell(.value, orBlock: .valueBlock, length: bytes.count, copy)
      }
      let room = link.room(for: 8 + stride)
      room.storeBytes(of: 1, as: UInt64.self)
      copy(to: room + 8)
      link.commit(.numbers, 8 + stride)
    }
  }

  /// Runs an async item to its end.
  func runToEnd(_ body: @escaping AsyncBody.Body) throws -> [UInt8] {
    guard let executors else {
      throw ProcessError.unsupportedArgument("an async function in a worker that was made for others")
    }
    do {
      return try AsyncBody.run(body, on: executors)
    } catch {
      // The task may be there still, if nothing moves any more: it must not meet the next item's.
      if executors.isSpoilt { mustLeave = true }
      throw error
    }
  }

  // MARK: Numbers

  /// Runs numbers to numbers; each result is safe with the pool once it is written, whatever becomes of the worker.
  func runNumbers(stride: (input: Int, output: Int), _ call: PoolNumbers) {
    let inputs = bytes.baseAddress!
    let isPlain = isPlain
    var item = items.lowerBound
    while item < items.upperBound, !mustStop {
      let most = min(items.upperBound - item, stride.output == 0 ? 1 << 16 : PoolLink.longestNumbers / stride.output)
      let room = link.room(for: 8 + most * stride.output)
      publishCount(0, at: room)
      link.announceGrowing()
      let first = inputs + item * stride.input
      let outputs = room + 8
      var failure: (any Error)?
      do {
        if isPlain {
          try call(first, outputs, 0..<most, room)
        } else {
          for index in 0..<most where !mustStop {
            begin()
            try call(first, outputs, index..<index + 1, room)
            finish()
          }
        }
      } catch {
        failure = error
      }
      let count = room.load(as: Int.self)
      if count > 0 { link.commit(.numbers, 8 + count * stride.output) } else { link.announceNothingGrows() }
      item += count
      if let failure {
        answer(failure)
        item += 1
        finish()
      }
    }
  }
}

/// The request of the slice that this worker runs, or has run last.
// Safe: for the only thread of a worker that runs items.
private nonisolated(unsafe) var runningSlice: UnsafeMutableRawPointer?

private func isRestDisowned() -> Bool { runningSlice.map { SliceHeader.isDisowned(at: $0) } ?? false }

/// One more number has its result; false when the next one is not to be run.
///
/// What it has printed is out before: the pool may take the result at once, and nobody knows what becomes of the worker then.
@usableFromInline
func finishNumber(_ count: Int, at counter: UnsafeMutableRawPointer) -> Bool {
  StandardStreams.flushOutput()
  publishCount(count, at: counter)
  return !isRestDisowned()
}

extension PoolTask {
  /// Runs the items of a slice, in a worker.
  func run(_ stint: PoolStint) {
    if let numbers, let inputStride = input.stride, let outputStride = output.stride {
      return stint.runNumbers(stride: (inputStride, outputStride), numbers)
    }
    let table = input.stride == nil ? PoolPayload.Reader(stint.bytes) : nil
    for item in stint.items {
      if stint.mustStop { return }
      stint.begin()
      do {
        let value = try read(item, stint.bytes, table)
        switch body {
        case .synchronous(let call):
          let result = try call(value)
          StandardStreams.flushOutput()
          try stint.answer(result, output)
        case .async(let call):
          let result = try runAsync(value, call, stint)
          StandardStreams.flushOutput()
          try stint.answer(result, of: output)
        }
      } catch {
        stint.answer(error)
      }
      stint.finish()
    }
  }

  private func read(_ item: Int, _ bytes: UnsafeRawBufferPointer, _ table: PoolPayload.Reader?) throws -> In {
    guard let table else { return bytes.baseAddress!.assumingMemoryBound(to: In.self)[item] }
    return try input.decode(table.item(item), descriptors: table.descriptors)
  }

  private func runAsync(
    _ value: In, _ call: @escaping @Sendable (In) async throws -> Out, _ stint: PoolStint
  ) throws -> [UInt8] {
    // Safe: the worker's first thread does nothing with either until the task has ended.
    nonisolated(unsafe) let (value, output) = (value, output)
    return try stint.runToEnd {
      let result = try await call(value)
      if let stride = output.stride { return stride == 0 ? [] : withUnsafeBytes(of: result) { Array($0) } }
      let encoder = WireEncoder()
      try output.encodeTried(result, encoder)
      return encoder.bytes
    }
  }
}
