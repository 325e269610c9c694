internal import MultiprocessingEngine

/// A number of values, fixed when it is made, that processes share. Python's `Array`, or `RawArray` where it is used without
/// its lock.
///
///     let squares = try SharedArray(count: 1000, repeating: 0)
///     let child = Process(target: { (squares: SharedArray<Int>) in
///       for index in squares.indices { squares[index] = index * index }
///     }, args: (squares))
///
/// It crosses to a child as an argument, alone or inside of other values, as a captured constant or as a property of a
/// `ProcessBase` subclass: there it is the same array, not a copy. It is gone with the last process that uses it.
///
/// Reading and writing elements takes no lock, so that processes may work on different elements at full speed. Where they work on
/// the same ones, `withLock` keeps them apart, if all of them use it.
///
/// An index that is out of range ends the process, as with Swift's own arrays.
public final class SharedArray<Element: BitwiseCopyable & Sendable>: Sendable, Codable {
  // After the lock, a word that remembers a holder's death, then the count; the elements begin with the next page.
  let segment: SharedSegment
  /// The number of elements.
  public let count: Int
  // Safe: to keep processes and threads from the same element is, as the documentation says, the user's part.
  @usableFromInline nonisolated(unsafe) let elements: UnsafeMutablePointer<Element>

  init(segment: SharedSegment) throws {
    let place = Self.firstOffset
    guard segment.capacity >= place else { throw SegmentError.notASegment }
    count = segment.contents.load(fromByteOffset: Self.countOffset, as: Int.self)
    let (size, tooLarge) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard count >= 0, !tooLarge, size <= segment.capacity - place else { throw SegmentError.notASegment }
    self.segment = segment
    elements = (segment.contents + place).assumingMemoryBound(to: Element.self)
  }

  private static var deathOffset: Int { SegmentLock.size }
  private static var countOffset: Int { 48 }
  /// Where the elements begin: with a page, or behind the header of the segment a whole number of the largest alignments.
  private static var firstOffset: Int { 4096 - SharedSegment.headerSize }

  /// Memory for so many elements, which are all zero bits.
  private convenience init(zeroed count: Int) throws {
    let (size, tooLarge) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard count >= 0, !tooLarge, size < .max - Self.firstOffset else { throw SharedMemoryError.invalidSize(count) }
    do {
      let capacity = Self.firstOffset + size
      let segment = try SharedSegment.make(Self.label, capacity: capacity, reserved: capacity)
      try SegmentLock.make(at: segment.contents)
      segment.contents.storeBytes(of: count, toByteOffset: Self.countOffset, as: Int.self)
      try self.init(segment: segment)
    } catch let failure as SystemFailure {
      throw SharedMemoryError(failure, bytes: size)
    }
  }

  /// Makes an array for this process and its children, whose elements all have one value.
  ///
  /// - Throws: `SharedMemoryError.invalidSize` for a count below 0 or beyond what memory can hold, `.noSpace` when memory is
  ///   full, `.system`.
  public convenience init(count: Int, repeating value: Element) throws {
    try self.init(zeroed: count)
    // New memory is zeroes, and needs no writing where the value is.
    let isZero = withUnsafeBytes(of: value) { $0.allSatisfy { $0 == 0 } }
    if !isZero { elements.initialize(repeating: value, count: count) }
  }

  /// Makes an array for this process and its children, with the elements of a collection.
  ///
  /// - Throws: `SharedMemoryError.noSpace` when memory is full, `.system`.
  public convenience init(_ elements: some Collection<Element>) throws {
    try self.init(zeroed: elements.count)
    try update(from: elements)
  }

  // MARK: All at once

  /// Copies the elements of a collection over those from `start` on, as fast as memory goes where the collection has its
  /// elements side by side. Takes no lock.
  ///
  /// - Throws: `SharedMemoryError.outOfRange` when they are not all in the array; it stays as it was then.
  @inlinable
  public func update(from source: some Collection<Element>, startingAt start: Int = 0) throws {
    let length = source.count
    guard start >= 0, start <= count, length <= count - start else {
      throw SharedMemoryError.outOfRange(start: start, length: length, count: count)
    }
    withExtendedLifetime(self) {
      let place = UnsafeMutableBufferPointer(start: elements + start, count: length)
      // What is read may be this very array: memmove(3) it is.
      let isCopied: Void? = source.withContiguousStorageIfAvailable { source in
        if let base = source.baseAddress { place.baseAddress?.update(from: base, count: length) }
      }
      if isCopied == nil { _ = place.update(from: source) }
    }
  }

  /// The elements as memory, which is valid inside of `body` alone. Takes no lock.
  @inlinable
  public func withUnsafeMutableBufferPointer<R>(_ body: (UnsafeMutableBufferPointer<Element>) throws -> R) rethrows -> R
  {
    try withExtendedLifetime(self) { try body(UnsafeMutableBufferPointer(start: elements, count: count)) }
  }

  // MARK: The lock

  /// Runs `body` while no other `withLock` of this array does, in any process. Python's `with array.get_lock()`.
  ///
  /// The lock of a process that dies inside is handed on at once, and `previousOwnerDied` tells of it: the elements may be half
  /// changed.
  ///
  /// - Throws: what `body` throws; `SharedMemoryError.alreadyLocked` inside of this thread's own `withLock`.
  @discardableResult
  public func withLock<R>(_ body: (UnsafeMutableBufferPointer<Element>) throws -> R) throws -> R {
    switch try SegmentLock.lock(segment.contents) {
    case .heldAlready: throw SharedMemoryError.alreadyLocked
    case .takenFromTheDead: death.pointee = 1
    case .taken: break
    }
    defer {
      SegmentLock.unlock(segment.contents)
      withExtendedLifetime(self) {}
    }
    return try withUnsafeMutableBufferPointer(body)
  }

  /// Whether a process died inside of `withLock`, and nobody has called `markConsistent()` since. To be asked inside of
  /// `withLock`; elsewhere the answer may be old.
  public var previousOwnerDied: Bool { withExtendedLifetime(self) { death.pointee != 0 } }

  /// Says that the elements are as they should be, whatever a process left that died. To be called inside of `withLock`.
  public func markConsistent() { withExtendedLifetime(self) { death.pointee = 0 } }

  /// One aligned word, written under the lock.
  private var death: UnsafeMutablePointer<UInt32> {
    (segment.contents + Self.deathOffset).assumingMemoryBound(to: UInt32.self)
  }
}

extension SharedArray: RandomAccessCollection, MutableCollection {
  /// Always 0.
  @inlinable public var startIndex: Int { 0 }
  /// The number of elements.
  @inlinable public var endIndex: Int { count }

  /// One element. Neither reading nor writing takes the lock, and an element larger than a machine word may be met half written:
  /// use `withLock` where it may be in somebody else's hands.
  ///
  /// An index that is out of range ends the process, as with Swift's own arrays.
  @inlinable
  public subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "Index out of range")
      return withExtendedLifetime(self) { elements[index] }
    }
    set {
      precondition(index >= 0 && index < count, "Index out of range")
      withExtendedLifetime(self) { elements[index] = newValue }
    }
  }

  /// Calls `body` with the elements as memory: what lets Swift's own algorithms copy all of them at once.
  @inlinable
  public func withContiguousStorageIfAvailable<R>(_ body: (UnsafeBufferPointer<Element>) throws -> R) rethrows -> R? {
    try withUnsafeMutableBufferPointer { try body(UnsafeBufferPointer($0)) }
  }

  /// The same for algorithms that change elements.
  @inlinable
  public func withContiguousMutableStorageIfAvailable<R>(
    _ body: (inout UnsafeMutableBufferPointer<Element>) throws -> R
  ) rethrows -> R? {
    try withUnsafeMutableBufferPointer {
      var buffer = $0
      return try body(&buffer)
    }
  }
}

extension SharedArray: SegmentHandle {
  static var label: SegmentLabel { SegmentLabel(kind: "arry", stride: MemoryLayout<Element>.stride) }
}
