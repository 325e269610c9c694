import Glibc

/// What is wrong with encoded bytes, before it is known where in the value they belong.
enum WireFault: Error {
  /// The bytes break the format at an offset, or end too early.
  case malformed(Int)
  /// The value is nil.
  case null
  /// The value is of another type.
  case mismatch
  /// The value is a number of the right sort that the type cannot hold.
  case doesNotFit
}

/// Where an encoded value lies: its tag, and the bytes that follow it.
struct WireValue {
  let tag: UInt8
  /// Of a container: the first byte after its word.
  let start: Int
  let end: Int

  /// What a missing value reads as where nothing else is asked for.
  static let null = WireValue(tag: WireTag.null, start: 0, end: 0)
}

/// An entry of a keyed container.
struct WireEntry {
  let keyStart: Int
  let keyEnd: Int
  let value: WireValue
}

/// Reads encoded bytes, which anybody may have written: no offset or length is used before it has been compared with
/// the bytes there are.
struct WireReader {
  // Borrowed from the caller of `Wire.withDecoder`. Only the decoder that was made there stores a reader, and it lets go
  // of it in time.
  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var count: Int { bytes.count }

  // MARK: Structure

  /// Finds out how far the value at an offset goes; throws if it does not end by `limit`.
  func value(at offset: Int, limit: Int) throws(WireFault) -> WireValue {
    guard offset < limit, limit <= bytes.count else { throw .malformed(offset) }
    let tag = bytes[offset]
    let start = offset + 1
    if tag >= WireTag.smallInteger { return WireValue(tag: tag, start: start, end: start) }
    if tag >= WireTag.shortString {
      return try value(tag, start, byteCount: Int(tag & 0x3F), limit)
    }
    switch tag {
    case WireTag.null, WireTag.false, WireTag.true, WireTag.empty:
      return WireValue(tag: tag, start: start, end: start)
    case WireTag.string:
      let (length, textStart) = try length(at: start, limit: limit)
      return try value(tag, textStart, byteCount: length, limit)
    case WireTag.keyed, WireTag.keyedWithRepeats, WireTag.unkeyed:
      let contentStart = offset + WireLimit.containerWord
      guard contentStart <= limit else { throw .malformed(offset) }
      let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      return try value(tag, contentStart, byteCount: Int(truncatingIfNeeded: word >> 8), limit)
    case WireTag.nestedNull:
      return WireValue(tag: tag, start: start, end: try endOfNull(at: start, limit: limit))
    default:
      return try numbers(tag, start, limit)
    }
  }

  @inline(__always)
  private func value(
    _ tag: UInt8, _ start: Int, byteCount: Int, _ limit: Int
  ) throws(WireFault) -> WireValue {
    guard byteCount <= limit - start else { throw .malformed(start) }
    return WireValue(tag: tag, start: start, end: start + byteCount)
  }

  private func numbers(_ tag: UInt8, _ start: Int, _ limit: Int) throws(WireFault) -> WireValue {
    guard let kind = WireKind(tag: tag) else { throw .malformed(start - 1) }
    switch tag & 0xF0 {
    case WireTag.number:
      return try value(tag, start, byteCount: kind.size, limit)
    case WireTag.numbers:
      let (count, elementsStart) = try length(at: start, limit: limit)
      let (byteCount, overflow) = count.multipliedReportingOverflow(by: kind.size)
      guard !overflow else { throw .malformed(start) }
      return try value(tag, elementsStart, byteCount: byteCount, limit)
    default:
      throw .malformed(start - 1)
    }
  }

  private func endOfNull(at start: Int, limit: Int) throws(WireFault) -> Int {
    var offset = start
    while offset < limit {
      switch bytes[offset] {
      case WireTag.nestedNull: offset += 1
      case WireTag.null: return offset + 1
      default: throw .malformed(offset)
      }
    }
    throw .malformed(offset)
  }

  /// A length and the offset after it.
  @inline(__always)
  private func length(at start: Int, limit: Int) throws(WireFault) -> (Int, Int) {
    if start < limit, bytes[start] < 0x80 { return (Int(bytes[start]), start + 1) }
    return try longLength(at: start, limit: limit)
  }

  private func longLength(at start: Int, limit: Int) throws(WireFault) -> (Int, Int) {
    var length = 0
    var shift = 0
    var offset = start
    // Nine bytes hold 63 bits, all that a non-negative Int has.
    while offset < limit, shift < 63 {
      let byte = bytes[offset]
      offset += 1
      length |= Int(byte & 0x7F) << shift
      if byte & 0x80 == 0 {
        // There is one way to write each length, and a last byte of zero is not it.
        if byte == 0 { break }
        return (length, offset)
      }
      shift += 7
    }
    throw .malformed(start)
  }

  /// The entry of a keyed container at an offset.
  func entry(at offset: Int, limit: Int) throws(WireFault) -> WireEntry {
    guard limit <= bytes.count else { throw .malformed(offset) }
    let (length, start) = try length(at: offset, limit: limit)
    guard length <= limit - start else { throw .malformed(offset) }
    let value = try value(at: start + length, limit: limit)
    return WireEntry(keyStart: start, keyEnd: start + length, value: value)
  }

  /// Whether an entry, which has been read from these bytes, has this key.
  @inline(__always)
  func matches(_ entry: WireEntry, _ key: UnsafeRawBufferPointer) -> Bool {
    guard entry.keyEnd - entry.keyStart == key.count, entry.keyEnd <= bytes.count else { return false }
    guard let name = key.baseAddress, let base = bytes.baseAddress else { return true }
    return memcmp(base + entry.keyStart, name, key.count) == 0
  }

  /// The value of the entry at an offset, if there is one and it has this short key.
  @inline(__always)
  func value(
    ofShort key: UnsafeRawBufferPointer, at offset: Int, limit: Int
  ) throws(WireFault) -> WireValue? {
    guard let name = key.baseAddress, let base = bytes.baseAddress, key.count < 0x80, limit <= bytes.count,
      key.count < limit - offset, bytes[offset] == UInt8(truncatingIfNeeded: key.count)
    else { return nil }
    guard Self.areEqual(base + offset + 1, name, count: key.count) else { return nil }
    return try value(at: offset + 1 + key.count, limit: limit)
  }

  /// memcmp(3) without the call, for the few bytes of a key.
  @inline(__always)
  private static func areEqual(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, count: Int) -> Bool {
    @inline(__always)
    func same<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: Word.Type) -> Bool {
      a.loadUnaligned(fromByteOffset: offset, as: type) == b.loadUnaligned(fromByteOffset: offset, as: type)
    }
    // The last two words may overlap.
    if count >= 8 {
      var offset = 0
      while offset < count - 8 {
        if !same(offset, as: UInt64.self) { return false }
        offset += 8
      }
      return same(count - 8, as: UInt64.self)
    }
    if count >= 4 { return same(0, as: UInt32.self) && same(count - 4, as: UInt32.self) }
    if count >= 2 { return same(0, as: UInt16.self) && same(count - 2, as: UInt16.self) }
    return count == 0 || same(0, as: UInt8.self)
  }

  /// The bytes of an entry's key.
  func key(of entry: WireEntry) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[entry.keyStart..<entry.keyEnd])
  }

  // MARK: Values

  /// What follows a value's tag. The value may stem from bytes that have been let go of since.
  @inline(__always)
  func payload(_ value: WireValue) throws(WireFault) -> UnsafeRawBufferPointer {
    guard value.end <= bytes.count else { throw .malformed(value.start) }
    return UnsafeRawBufferPointer(rebasing: bytes[value.start..<value.end])
  }

  /// The number of elements that an unkeyed container says it has.
  func elementCount(_ value: WireValue) throws(WireFault) -> UInt32 {
    let payload = try payload(value)
    guard payload.count >= WireLimit.elementCount else { throw .malformed(value.start) }
    let count = payload.loadUnaligned(as: UInt32.self)
    // None takes less than a byte; a reader may reserve room by this number.
    let byteCount = payload.count - WireLimit.elementCount
    guard count <= byteCount, count > 0 || byteCount == 0 else { throw .malformed(value.start) }
    return count
  }

  func bool(_ value: WireValue) throws(WireFault) -> Bool {
    switch value.tag {
    case WireTag.true: return true
    case WireTag.false: return false
    case WireTag.number | WireKind.bool.rawValue:
      switch try payload(value)[0] {
      case 0: return false
      case 1: return true
      default: throw .malformed(value.start)
      }
    default: throw mismatch(value)
    }
  }

  @inline(__always)
  func integer<I: FixedWidthInteger>(_ type: I.Type, _ value: WireValue) throws(WireFault) -> I {
    // Each integer type holds 0...127.
    if value.tag >= WireTag.smallInteger { return I(truncatingIfNeeded: value.tag & 0x7F) }
    return try wideInteger(type, value)
  }

  private func wideInteger<I: FixedWidthInteger>(_ type: I.Type, _ value: WireValue) throws(WireFault) -> I {
    guard value.tag & 0xF0 == WireTag.number, let kind = WireKind(tag: value.tag) else {
      throw mismatch(value)
    }
    let bytes = try payload(value)
    switch kind {
    case .uint8: return try exactly(bytes.load(as: UInt8.self))
    case .uint16: return try exactly(bytes.loadUnaligned(as: UInt16.self))
    case .uint32: return try exactly(bytes.loadUnaligned(as: UInt32.self))
    case .uint64: return try exactly(bytes.loadUnaligned(as: UInt64.self))
    case .uint128: return try exactly(bytes.loadUnaligned(as: UInt128.self))
    case .int8: return try exactly(bytes.load(as: Int8.self))
    case .int16: return try exactly(bytes.loadUnaligned(as: Int16.self))
    case .int32: return try exactly(bytes.loadUnaligned(as: Int32.self))
    case .int64: return try exactly(bytes.loadUnaligned(as: Int64.self))
    case .int128: return try exactly(bytes.loadUnaligned(as: Int128.self))
    case .float16, .float32, .float64, .bool: throw .mismatch
    }
  }

  @inline(__always)
  private func exactly<I: FixedWidthInteger, N: FixedWidthInteger>(_ number: N) throws(WireFault) -> I {
    guard let exact = I(exactly: number) else { throw .doesNotFit }
    return exact
  }

  /// A floating-point number; of the type's own width bit by bit, of another if the type has exactly that number.
  @inline(__always)
  func float<F: BinaryFloatingPoint & WireNumber>(_ type: F.Type, _ value: WireValue) throws(WireFault) -> F {
    if value.tag == WireTag.number | F.wireKind.rawValue {
      return try payload(value).loadUnaligned(as: F.self)
    }
    guard value.tag & 0xF0 == WireTag.number else { throw mismatch(value) }
    switch WireKind(tag: value.tag) {
    case .float16: return try exactly(payload(value).loadUnaligned(as: Float16.self))
    case .float32: return try exactly(payload(value).loadUnaligned(as: Float.self))
    case .float64: return try exactly(payload(value).loadUnaligned(as: Double.self))
    default: throw .mismatch
    }
  }

  private func exactly<F: BinaryFloatingPoint, N: BinaryFloatingPoint>(_ number: N) throws(WireFault) -> F {
    let converted = F(number)
    guard number.isNaN || N(converted) == number else { throw .doesNotFit }
    return converted
  }

  func string(_ value: WireValue) throws(WireFault) -> String {
    guard value.tag == WireTag.string || value.tag & 0xC0 == WireTag.shortString else {
      throw mismatch(value)
    }
    return try string(payload(value), at: value.start)
  }

  /// A string of these bytes, which lie at an offset.
  func string(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(WireFault) -> String {
    // Quicker for short strings than `String(validating:as:)`, which is generic, and as quick for long ones.
    do throws(UTF8.ValidationError) {
      return String(copying: try UTF8Span(validating: bytes.assumingMemoryBound(to: UInt8.self).span))
    } catch {
      throw .malformed(offset)
    }
  }

  /// The elements of a value that has the tag for packed numbers of this kind.
  func numbers<N: WireNumber>(_ type: N.Type, _ value: WireValue) throws(WireFault) -> [N] {
    let bytes = try payload(value)
    if N.self == Bool.self, !holdsBoolsOnly(bytes) { throw .malformed(value.start) }
    let count = bytes.count / MemoryLayout<N>.size
    return [N](unsafeUninitializedCapacity: count) { buffer, initialized in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
      initialized = count
    }
  }

  /// A byte other than 0 and 1 in a `Bool` would be undefined behaviour.
  private func holdsBoolsOnly(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var seen: UInt8 = 0
    for byte in bytes { seen |= byte }
    return seen <= 1
  }

  /// The fault of a value whose tag is not the one asked for.
  func mismatch(_ value: WireValue) -> WireFault { WireTag.isNull(value.tag) ? .null : .mismatch }
}
