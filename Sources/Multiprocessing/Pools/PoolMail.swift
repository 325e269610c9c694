internal import MultiprocessingEngine

/// What has come for a job, until somebody of the job's decodes it. Copied out of the lanes under the pool's lock; no code of the user's has run.
struct PoolMail {
  enum Content {
    /// Numbers, one after another, at this offset of `bytes`.
    case numbers(offset: Int)
    case value(offset: Int, length: Int)
    case error(offset: Int, length: Int)
    case valueBlock(PoolBlock)
    case errorBlock(PoolBlock)
    case failure(any Error)
    /// What keeps the pool from running anything at all.
    case breakdown(any Error)
  }

  struct Item {
    /// The place of the first of them among the job's.
    let index: Int
    let count: Int
    let content: Content
  }

  private(set) var items: [Item] = []
  private(set) var bytes: [UInt8] = []

  var isEmpty: Bool { items.isEmpty }

  mutating func add(_ index: Int, _ error: any Error) {
    items.append(Item(index: index, count: 1, content: .failure(error)))
  }

  mutating func add(_ index: Int, breakdown error: any Error) {
    items.append(Item(index: index, count: 1, content: .breakdown(error)))
  }

  mutating func add(_ index: Int, _ block: PoolBlock, isError: Bool) {
    items.append(Item(index: index, count: 1, content: isError ? .errorBlock(block) : .valueBlock(block)))
  }

  mutating func add(numbers: UnsafeRawBufferPointer, _ index: Int, _ count: Int) {
    let offset = add(numbers)
    items.append(Item(index: index, count: count, content: .numbers(offset: offset)))
  }

  mutating func add(_ content: UnsafeRawBufferPointer, _ index: Int, isError: Bool) {
    let offset = add(content)
    items.append(
      Item(
        index: index, count: 1,
        content: isError
          ? .error(offset: offset, length: content.count) : .value(offset: offset, length: content.count)))
  }

  private mutating func add(_ content: UnsafeRawBufferPointer) -> Int {
    // What is read as numbers has to lie as numbers do.
    while bytes.count & 7 != 0 { bytes.append(0) }
    let offset = bytes.count
    bytes.append(contentsOf: content)
    return offset
  }

  var breakdown: (any Error)? {
    for item in items { if case .breakdown(let error) = item.content { return error } }
    return nil
  }

  mutating func clear() {
    items.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }
}

/// A result that lies in a lane; with the last reference, the worker may have the memory back.
final class PoolBlock: @unchecked Sendable {
  // Sendable: the bytes are written before the object is made.
  private let lane: Lane
  private let place: UnsafeMutableRawPointer
  let bytes: UnsafeRawBufferPointer

  init(_ lane: Lane, offset: Int, length: Int) {
    self.lane = lane
    place = lane.region.base + offset
    bytes = UnsafeRawBufferPointer(start: place + AnswerBlock.headerSize, count: length)
  }

  deinit { if lane.region.isOfThisProcess { AnswerBlock.release(place) } }
}

extension PoolMail {
  /// Decodes what there is. The user's code runs here: without any lock.
  func decode<In, Out>(
    _ task: PoolTask<In, Out>, numbers: (_ first: Int, _ count: Int, UnsafeRawPointer) -> Void,
    item: (_ index: Int, Result<Out, any Error>) -> Void
  ) {
    bytes.withUnsafeBytes { bytes in
      func part(_ offset: Int, _ length: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
      }
      for entry in items {
        switch entry.content {
        case .numbers(let offset):
          // Results of no size leave no bytes.
          numbers(entry.index, entry.count, bytes.baseAddress.map { $0 + offset } ?? Self.nothing)
        case .value(let offset, let length):
          item(entry.index, Result { try task.output.decode(part(offset, length)) })
        case .valueBlock(let block):
          item(entry.index, Result { try withExtendedLifetime(block) { try task.output.decode(block.bytes) } })
        case .error(let offset, let length): item(entry.index, .failure(ThrownError.decode(part(offset, length))))
        case .errorBlock(let block):
          item(entry.index, .failure(withExtendedLifetime(block) { ThrownError.decode(block.bytes) }))
        case .failure(let error), .breakdown(let error): item(entry.index, .failure(error))
        }
      }
    }
  }

  /// Where nothing is read from.
  private static var nothing: UnsafeRawPointer { UnsafeRawPointer(bitPattern: 16)! }
}
