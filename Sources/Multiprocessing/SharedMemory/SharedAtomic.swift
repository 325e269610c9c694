internal import MultiprocessingEngine
public import Synchronization

/// An integer or a Boolean that processes share, and change without a lock: each operation happens as a whole, whatever else happens
/// at the same time, in this process or another.
///
///     let hits = try SharedAtomic(0)
///     let child = Process(target: { (hits: SharedAtomic<Int>) in hits.add(1) }, args: (hits))
///
/// It crosses to a child as an argument, alone or inside of other values, as a captured constant or as a property of a
/// `ProcessBase` subclass: there it is the same one, not a copy. It is gone with the last process that uses it. A process that dies
/// leaves it as it was before or after an operation.
///
/// Every operation has an `ordering`, by default the strongest.
public final class SharedAtomic<Value: SharedAtomicValue>: Sendable, Codable {
  /// What an operation that only reads may ask for.
  public typealias LoadOrdering = SharedAtomicOrdering.Load
  /// What an operation that only writes may ask for.
  public typealias StoreOrdering = SharedAtomicOrdering.Store
  /// What an operation that reads and writes may ask for.
  public typealias UpdateOrdering = SharedAtomicOrdering.Update

  let segment: SharedSegment
  // Safe: touched by atomic operations alone, and valid for as long as this object lives.
  @usableFromInline nonisolated(unsafe) let word: UnsafeMutablePointer<Atomic<UInt64>>

  init(segment: SharedSegment) throws {
    guard segment.capacity >= Self.size else { throw SegmentError.notASegment }
    self.segment = segment
    // An `Atomic<UInt64>` is laid out as its value, and needs no initialising beyond the zeroes of the segment.
    word = segment.contents.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  private static var size: Int { MemoryLayout<UInt64>.size }

  /// Makes an atomic value for this process and its children.
  ///
  /// - Throws: `SharedMemoryError.noSpace` when memory is full, `.system`.
  public convenience init(_ value: Value) throws {
    do {
      try self.init(segment: try SharedSegment.make(Self.label, capacity: Self.size, reserved: Self.size))
    } catch let failure as SystemFailure {
      throw SharedMemoryError(failure, bytes: Self.size)
    }
    store(value)
  }

  // An ordering is a constant to the processor, so each operation is written out once for each.

  /// The value.
  @inlinable
  public func load(ordering: LoadOrdering = .sequentiallyConsistent) -> Value {
    let bits =
      switch ordering {
      case .relaxed: word.pointee.load(ordering: .relaxed)
      case .acquiring: word.pointee.load(ordering: .acquiring)
      case .sequentiallyConsistent: word.pointee.load(ordering: .sequentiallyConsistent)
      }
    return withExtendedLifetime(self) { Value(atomicBits: bits) }
  }

  /// Replaces the value.
  @inlinable
  public func store(_ value: Value, ordering: StoreOrdering = .sequentiallyConsistent) {
    let bits = value.atomicBits
    switch ordering {
    case .relaxed: word.pointee.store(bits, ordering: .relaxed)
    case .releasing: word.pointee.store(bits, ordering: .releasing)
    case .sequentiallyConsistent: word.pointee.store(bits, ordering: .sequentiallyConsistent)
    }
    withExtendedLifetime(self) {}
  }

  /// Replaces the value.
  ///
  /// - Returns: the one it was before.
  @inlinable
  public func exchange(_ value: Value, ordering: UpdateOrdering = .sequentiallyConsistent) -> Value {
    let bits = value.atomicBits
    let before =
      switch ordering {
      case .relaxed: word.pointee.exchange(bits, ordering: .relaxed)
      case .acquiring: word.pointee.exchange(bits, ordering: .acquiring)
      case .releasing: word.pointee.exchange(bits, ordering: .releasing)
      case .acquiringAndReleasing: word.pointee.exchange(bits, ordering: .acquiringAndReleasing)
      case .sequentiallyConsistent: word.pointee.exchange(bits, ordering: .sequentiallyConsistent)
      }
    return withExtendedLifetime(self) { Value(atomicBits: before) }
  }

  /// Replaces the value if it is `expected`. Fails for no other reason.
  ///
  /// - Returns: whether it was replaced, and the value it was before.
  @inlinable
  public func compareExchange(
    expected: Value, desired: Value, ordering: UpdateOrdering = .sequentiallyConsistent
  ) -> (exchanged: Bool, original: Value) {
    let (old, new) = (expected.atomicBits, desired.atomicBits)
    let (exchanged, original) =
      switch ordering {
      case .relaxed: word.pointee.compareExchange(expected: old, desired: new, ordering: .relaxed)
      case .acquiring: word.pointee.compareExchange(expected: old, desired: new, ordering: .acquiring)
      case .releasing: word.pointee.compareExchange(expected: old, desired: new, ordering: .releasing)
      case .acquiringAndReleasing:
        word.pointee.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing)
      case .sequentiallyConsistent:
        word.pointee.compareExchange(expected: old, desired: new, ordering: .sequentiallyConsistent)
      }
    return withExtendedLifetime(self) { (exchanged, Value(atomicBits: original)) }
  }
}

extension SharedAtomic where Value: SharedAtomicInteger {
  /// Adds to the value. A sum beyond the type's range wraps around, as with `&+`.
  ///
  /// - Returns: the sum.
  @inlinable
  @discardableResult
  public func add(_ amount: Value, ordering: UpdateOrdering = .sequentiallyConsistent) -> Value {
    let bits = amount.atomicBits
    let sum =
      switch ordering {
      case .relaxed: word.pointee.wrappingAdd(bits, ordering: .relaxed).newValue
      case .acquiring: word.pointee.wrappingAdd(bits, ordering: .acquiring).newValue
      case .releasing: word.pointee.wrappingAdd(bits, ordering: .releasing).newValue
      case .acquiringAndReleasing: word.pointee.wrappingAdd(bits, ordering: .acquiringAndReleasing).newValue
      case .sequentiallyConsistent: word.pointee.wrappingAdd(bits, ordering: .sequentiallyConsistent).newValue
      }
    return withExtendedLifetime(self) { Value(atomicBits: sum) }
  }
}

extension SharedAtomic: SegmentHandle {
  static var label: SegmentLabel { SegmentLabel(kind: "atom", stride: MemoryLayout<Value>.stride) }
}
