internal import MultiprocessingEngine
public import Synchronization

/// A value that processes share, behind a lock of its own. Python's `Value`.
///
///     let total = try SharedValue(0)
///     let child = Process(target: { (total: SharedValue<Int>) in try total.withLock { $0 += 1 } }, args: (total))
///
/// It crosses to a child as an argument, alone or inside of other values, as a captured constant or as a property of a
/// `ProcessBase` subclass: there it is the same value, not a copy. It is gone with the last process that uses it.
///
/// A process that dies at any instruction leaves the last whole value, and the lock free: there is nothing to repair.
public final class SharedValue<Value: BitwiseCopyable & Sendable>: Sendable, Codable {
  // After the lock, a word that tells which of two places holds the value. The other one is written first.
  let segment: SharedSegment
  /// The segment's contents, for as long as this object lives.
  // Safe: what it points to is changed under the lock, by every process.
  @usableFromInline nonisolated(unsafe) let base: UnsafeMutableRawPointer

  init(segment: SharedSegment) throws {
    guard segment.capacity >= Self.capacity else { throw SegmentError.notASegment }
    self.segment = segment
    base = segment.contents
  }

  /// Makes a value for this process and its children.
  ///
  /// - Throws: `SharedMemoryError.noSpace` when memory is full, `.system`.
  public convenience init(_ value: Value) throws {
    do {
      let segment = try SharedSegment.make(Self.label, capacity: Self.capacity, reserved: Self.capacity)
      try SegmentLock.make(at: segment.contents)
      try self.init(segment: segment)
    } catch let failure as SystemFailure {
      throw SharedMemoryError(failure, bytes: Self.capacity)
    }
    commit(value)
  }

  // MARK: Layout

  @inlinable
  static var selectorOffset: Int { 40 }

  /// Beside the lock where it fits: one cache line to fetch.
  @inlinable
  static func offset(ofPlace number: Int) -> Int {
    let alignment = MemoryLayout<Value>.alignment
    return (selectorOffset + 4 + alignment - 1) / alignment * alignment + number * MemoryLayout<Value>.stride
  }

  private static var capacity: Int { offset(ofPlace: 2) }

  @inlinable
  var selector: UnsafeMutablePointer<Atomic<UInt32>> {
    (base + Self.selectorOffset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  @inlinable
  func place(_ number: UInt32) -> UnsafeMutablePointer<Value> {
    (base + Self.offset(ofPlace: Int(number & 1))).assumingMemoryBound(to: Value.self)
  }

  /// The last whole value, for the lock's holder; hence relaxed.
  @inlinable
  var committed: Value { place(selector.pointee.load(ordering: .relaxed)).pointee }

  /// For the lock's holder. Releasing: the value is whole before the word says so, at whatever instruction the process ends.
  @inlinable
  func commit(_ value: Value) {
    let next = selector.pointee.load(ordering: .relaxed) ^ 1
    place(next).pointee = value
    selector.pointee.store(next, ordering: .releasing)
  }

  // MARK: Use

  /// The value. Reading and writing it take the lock, each for itself: to change it depending on what it was, use `withLock`.
  ///
  /// Inside of this thread's own `withLock` it reads the value as it was before, and what is written here is written over by what
  /// the closure leaves in its parameter.
  @inlinable
  public var value: Value {
    get {
      let taking = try? SegmentLock.lock(base)
      defer { unlock(taking) }
      return committed
    }
    set {
      let taking = try? SegmentLock.lock(base)
      defer { unlock(taking) }
      commit(newValue)
    }
  }

  // The mutex is refused to its own holder alone, which needs it no second time. The object, whose mapping all this is in, lives at
  // least until here.
  @inlinable
  func unlock(_ taking: SegmentLock.Taking?) {
    switch taking {
    case .taken, .takenFromTheDead: SegmentLock.unlock(base)
    case .heldAlready, nil: break
    }
    withExtendedLifetime(self) {}
  }

  /// Changes the value while nobody else can see or change it. Python's `with value.get_lock()`.
  ///
  /// What `body` has made of its parameter becomes the value at the end, also when `body` throws; until then every other reader
  /// waits. A process that dies inside leaves the value as it was.
  ///
  /// - Throws: what `body` throws; `SharedMemoryError.alreadyLocked` inside of this thread's own `withLock`.
  @inlinable
  @discardableResult
  public func withLock<R>(_ body: (inout Value) throws -> R) throws -> R {
    if case .heldAlready = try SegmentLock.lock(base) { throw SharedMemoryError.alreadyLocked }
    var value = committed
    defer {
      commit(value)
      SegmentLock.unlock(base)
      withExtendedLifetime(self) {}
    }
    return try body(&value)
  }
}

extension SharedValue: SegmentHandle {
  static var label: SegmentLabel { SegmentLabel(kind: "valu", stride: MemoryLayout<Value>.stride) }
}
