/// The results of a map, by the places of their inputs, as they come.
final class PoolStore<Out> {
  private var base: UnsafeMutablePointer<Out>
  private var capacity: Int
  /// One bit for each place that has a value.
  private var filled: [UInt64] = []
  private(set) var failures: [Int: any Error] = [:]
  /// So many from the first on have an answer.
  private var settled = 0

  init(expecting count: Int) {
    capacity = max(16, min(count, 1 << 24))
    base = .allocate(capacity: capacity)
    filled = Array(repeating: 0, count: (capacity + 63) / 64)
  }

  deinit {
    for index in 0..<capacity where hasValue(index) { (base + index).deinitialize(count: 1) }
    base.deallocate()
  }

  private func hasValue(_ index: Int) -> Bool { filled[index >> 6] >> UInt64(index & 63) & 1 != 0 }

  private func grow(to count: Int) {
    guard count > capacity else { return }
    let larger = max(count, 2 * capacity)
    let moved = UnsafeMutablePointer<Out>.allocate(capacity: larger)
    // Places without a value are moved as the bytes they are: `Out`s may always be moved so.
    UnsafeMutableRawPointer(moved).copyMemory(from: base, byteCount: capacity * MemoryLayout<Out>.stride)
    base.deallocate()
    base = moved
    capacity = larger
    filled += Array(repeating: 0, count: (larger + 63) / 64 - filled.count)
  }

  func put(_ index: Int, _ result: Result<Out, any Error>) {
    grow(to: index + 1)
    switch result {
    case .success(let value):
      (base + index).initialize(to: value)
      filled[index >> 6] |= 1 << UInt64(index & 63)
    case .failure(let error): failures[index] = error
    }
  }

  /// Numbers, as they lie in memory.
  func put(_ first: Int, _ count: Int, numbers: UnsafeRawPointer) {
    grow(to: first + count)
    UnsafeMutableRawPointer(base + first).copyMemory(from: numbers, byteCount: count * MemoryLayout<Out>.size)
    var index = first
    let end = first + count
    while index < end {
      let bits = min(64 - index & 63, end - index)
      filled[index >> 6] |= (bits == 64 ? UInt64.max : (1 << UInt64(bits)) - 1) << UInt64(index & 63)
      index += bits
    }
  }

  var firstFailure: Int? { failures.isEmpty ? nil : failures.keys.min() }

  /// Whether all places before that one have an answer.
  func isSettled(before index: Int) -> Bool {
    while settled < index, settled < capacity, hasValue(settled) || failures[settled] != nil { settled += 1 }
    return settled >= index
  }

  /// The values of the first `count` places, all of which have one.
  func takeValues(_ count: Int) -> [Out] {
    let values = [Out](unsafeUninitializedCapacity: count) { buffer, initialized in
      if count > 0 { buffer.baseAddress!.moveInitialize(from: base, count: count) }
      initialized = count
    }
    filled = Array(repeating: 0, count: filled.count)
    return values
  }

  func takeResults(_ count: Int) -> [Result<Out, any Error>] {
    (0..<count).map { index in
      if hasValue(index) { return .success((base + index).pointee) }
      return .failure(failures[index] ?? CancellationError())
    }
  }
}
