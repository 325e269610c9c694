internal import Glibc
internal import MultiprocessingEngine
internal import Synchronization

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
  var isPlain: Bool { !isTimed && tasksPerChild == .max && recycleAbove == .max }

  func run(_ request: LaneRecord, start: UInt64, _ functions: [Int: PoolFunctionBody]) -> UInt64 {
    let place = request.payload.baseAddress!
    let header = place.load(as: SliceHeader.self)
    if SliceHeader.claim(at: place, for: SliceHeader.Claim.taken), let function = functions[header.function] {
      let base = header.offset < 0 ? place + SliceHeader.size : arena + header.offset
      bytes = UnsafeRawBufferPointer(start: base, count: header.length)
      items = header.first..<header.first + header.count
      function.run(self)
    }
    let end = monotonicNanoseconds()
    link.release(request)
    link.end(SliceReport(start: start, duration: end - start, memory: UInt64(memory)))
    return end
  }

  // MARK: Around each item

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

  // What the items of a slice have printed is out before the last of its answers: nobody knows what becomes of the worker then.

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
    try coding.encode(value, encoder)
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
  func runNumbers<In, Out>(stride: Int, _ call: (In) throws -> Out) {
    let inputs = bytes.baseAddress!.assumingMemoryBound(to: In.self)
    let isPlain = isPlain
    var item = items.lowerBound
    while item < items.upperBound, !mustLeave {
      let most = min(items.upperBound - item, stride == 0 ? 1 << 16 : PoolLink.longestNumbers / stride)
      let room = link.room(for: 8 + most * stride)
      // An `Atomic<UInt64>` is laid out as its value. Releasing: who finds the count finds the results.
      let counter = room.assumingMemoryBound(to: Atomic<UInt64>.self)
      let outputs = (room + 8).assumingMemoryBound(to: Out.self)
      counter.pointee.store(0, ordering: .relaxed)
      link.announceGrowing()
      var count = 0
      var failure: (any Error)?
      do {
        while count < most {
          if !isPlain {
            if mustLeave { break }
            begin()
          }
          let output = try call(inputs[item + count])
          if stride > 0 { (outputs + count).initialize(to: output) }
          count += 1
          if item + count == items.upperBound { StandardStreams.flush() }
          counter.pointee.store(UInt64(count), ordering: .releasing)
          if !isPlain { finish() }
        }
      } catch {
        failure = error
      }
      if count > 0 { link.commit(.numbers, 8 + count * stride) } else { link.announceNothingGrows() }
      item += count
      if let failure {
        answer(failure)
        item += 1
        finish()
      }
    }
  }
}

extension PoolTask {
  /// Runs the items of a slice, in a worker.
  func run(_ stint: PoolStint) {
    if case .synchronous(let call) = body, input.stride != nil, let stride = output.stride {
      return stint.runNumbers(stride: stride, call)
    }
    let table = input.stride == nil ? PoolPayload.Reader(stint.bytes) : nil
    for item in stint.items {
      if stint.mustLeave { return }
      stint.begin()
      do {
        let value = try read(item, stint.bytes, table)
        switch body {
        case .synchronous(let call):
          let result = try call(value)
          if item + 1 == stint.items.upperBound { StandardStreams.flush() }
          try stint.answer(result, output)
        case .async(let call):
          let result = try runAsync(value, call, stint)
          StandardStreams.flush()
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
      try output.encode(result, encoder)
      return encoder.bytes
    }
  }
}
