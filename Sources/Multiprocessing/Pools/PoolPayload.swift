internal import MultiprocessingEngine

/// The encoded items of a load.
///
/// Numbers lie one after another. Other items come with a table:
///
///     0   count of the items
///     8   count of the descriptors
///     16  where each item ends, from the beginning of the items, in 8 bytes each
///     ..  the descriptors, in 4 bytes each, then up to a multiple of 8
///     ..  the items
enum PoolPayload {
  static func headerSize(items: Int, descriptors: Int) -> Int { 16 + 8 * items + (4 * descriptors + 7) / 8 * 8 }

  static func writeHeader(_ ends: [Int], _ descriptors: [Int32], to target: UnsafeMutableRawPointer) {
    target.storeBytes(of: UInt64(ends.count), as: UInt64.self)
    target.storeBytes(of: UInt64(descriptors.count), toByteOffset: 8, as: UInt64.self)
    ends.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress { (target + 16).copyMemory(from: base, byteCount: bytes.count) }
    }
    descriptors.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress { (target + 16 + 8 * ends.count).copyMemory(from: base, byteCount: bytes.count) }
    }
  }

  /// The items of a payload that this program has written itself.
  struct Reader {
    private let bytes: UnsafeRawBufferPointer
    private let count: Int
    private let start: Int
    let descriptors: WireDescriptors

    init(_ bytes: UnsafeRawBufferPointer) {
      self.bytes = bytes
      count = Int(bytes.load(as: UInt64.self))
      let descriptorCount = Int(bytes.load(fromByteOffset: 8, as: UInt64.self))
      start = PoolPayload.headerSize(items: count, descriptors: descriptorCount)
      let base = 16 + 8 * count
      descriptors = .inherited((0..<descriptorCount).map { bytes.load(fromByteOffset: base + 4 * $0, as: Int32.self) })
    }

    func item(_ index: Int) -> UnsafeRawBufferPointer {
      let lower = index == 0 ? 0 : Int(bytes.load(fromByteOffset: 8 + 8 * index, as: UInt64.self))
      let upper = Int(bytes.load(fromByteOffset: 16 + 8 * index, as: UInt64.self))
      return UnsafeRawBufferPointer(rebasing: bytes[start + lower..<start + upper])
    }
  }
}

/// Items on their way: where their encoded bytes are, and who wants the results.
final class PoolLoad: PoolWork, @unchecked Sendable {
  // Sendable: immutable, but for the job, which the pool's lock guards.
  enum Storage {
    /// Copied into the lane of the worker that runs it.
    case bytes([UInt8])
    /// Memory that all workers share.
    case block(SharedBlock, length: Int)
  }

  let job: PoolJob
  /// The place of the first item among all of the job's.
  let base: Int
  let count: Int
  let storage: Storage
  /// Whether descriptors were named: only workers that are born from now on have them.
  let namesDescriptors: Bool

  var isAbandoned: Bool { job.isAbandoned }
  var isDropped: Bool { job.isAbandoned }
  var waiting: Int {
    get { job.waiting }
    set { job.waiting = newValue }
  }

  /// From this many bytes on it is worth a block.
  static let leastBlock = 12 << 10

  init(_ job: PoolJob, base: Int, count: Int, storage: Storage, namesDescriptors: Bool = false) {
    self.job = job
    self.base = base
    self.count = count
    self.storage = storage
    self.namesDescriptors = namesDescriptors
  }

  /// Memory of `length` bytes that `fill` writes.
  static func store(
    _ length: Int, in arena: SharedArena, _ fill: (UnsafeMutableRawPointer) -> Void
  ) throws(SystemFailure) -> Storage {
    if length < leastBlock {
      return .bytes(
        [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
          if let base = buffer.baseAddress { fill(UnsafeMutableRawPointer(base)) }
          count = length
        })
    }
    let block = try arena.take(length)
    fill(block.bytes.baseAddress!)
    return .block(block, length: length)
  }
}
