/// What a `SharedAtomic` can hold: a value that 64 bits stand for, the same ones for the same value always.
///
/// The integers of up to 64 bits and `Bool` do. An enum of your own may: equal values must have equal bits.
public protocol SharedAtomicValue: Sendable {
  /// The bits that stand for the value.
  var atomicBits: UInt64 { get }
  /// The value that such bits stand for.
  init(atomicBits: UInt64)
}

/// An integer that a `SharedAtomic` can add to.
public protocol SharedAtomicInteger: SharedAtomicValue, FixedWidthInteger {}

extension SharedAtomicInteger {
  /// The value in the highest bits: a sum that is too large for the type then wraps around as it would in the type.
  @inlinable
  public var atomicBits: UInt64 { UInt64(truncatingIfNeeded: self) << UInt64(64 - Self.bitWidth) }

  /// The value of those bits.
  @inlinable
  public init(atomicBits: UInt64) { self.init(truncatingIfNeeded: atomicBits >> UInt64(64 - Self.bitWidth)) }
}

extension Int: SharedAtomicInteger {}
extension Int8: SharedAtomicInteger {}
extension Int16: SharedAtomicInteger {}
extension Int32: SharedAtomicInteger {}
extension Int64: SharedAtomicInteger {}
extension UInt: SharedAtomicInteger {}
extension UInt8: SharedAtomicInteger {}
extension UInt16: SharedAtomicInteger {}
extension UInt32: SharedAtomicInteger {}
extension UInt64: SharedAtomicInteger {}

extension Bool: SharedAtomicValue {
  /// 1 or 0.
  @inlinable
  public var atomicBits: UInt64 { self ? 1 : 0 }

  /// False for 0 alone.
  @inlinable
  public init(atomicBits: UInt64) { self = atomicBits != 0 }
}

/// What an operation of a `SharedAtomic` means for the memory around it, in the terms of C++ and of Swift's Synchronization.
///
/// An operation takes only the orderings that make sense for it: there is no load that releases.
public enum SharedAtomicOrdering {
  /// For an operation that only reads.
  @frozen
  public enum Load: Sendable {
    /// No order beyond the value's own.
    case relaxed
    /// What was written ahead of the value by who released it is seen after this.
    case acquiring
    /// Acquiring, and in one order with all such operations everywhere.
    case sequentiallyConsistent
  }

  /// For an operation that only writes.
  @frozen
  public enum Store: Sendable {
    /// No order beyond the value's own.
    case relaxed
    /// What was written before is seen by whoever acquires this value.
    case releasing
    /// Releasing, and in one order with all such operations everywhere.
    case sequentiallyConsistent
  }

  /// For an operation that reads and writes at once.
  @frozen
  public enum Update: Sendable {
    /// No order beyond the value's own.
    case relaxed
    /// As of a load.
    case acquiring
    /// As of a store.
    case releasing
    /// Both.
    case acquiringAndReleasing
    /// Both, and in one order with all such operations everywhere.
    case sequentiallyConsistent
  }
}
