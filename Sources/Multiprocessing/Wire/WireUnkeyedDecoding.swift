/// The unkeyed container of a value that is being decoded.
///
/// An array of numbers, packed, can be read as one too: each element is then a number of the array's kind.
struct WireUnkeyedDecoding: UnkeyedDecodingContainer {
  private let decoder: WireValueDecoder
  private let packed: WireKind?
  private var cursor: Int
  private let end: Int

  let count: Int?
  private(set) var currentIndex = 0

  init(decoder: WireValueDecoder) throws(WireFault) {
    self.decoder = decoder
    let value = decoder.value
    cursor = value.start
    end = value.end
    switch value.tag {
    case WireTag.unkeyed:
      let stored = try decoder.reader.elementCount(value)
      // The largest number stands for all that are too large to be stored.
      count = stored == .max ? nil : Int(stored)
      cursor += WireLimit.elementCount
      packed = nil
    case WireTag.empty:
      count = 0
      packed = nil
    default:
      guard value.tag & 0xF0 == WireTag.numbers, let kind = WireKind(tag: value.tag) else {
        throw decoder.reader.mismatch(value)
      }
      count = (end - cursor) / kind.size
      packed = kind
    }
  }

  var codingPath: [any CodingKey] { decoder.codingPath }
  var isAtEnd: Bool { cursor >= end }

  private var key: WireIndexKey { WireIndexKey(currentIndex) }

  /// The next element, which stays the next one until `advance`.
  private func next(for type: Any.Type) throws -> WireValue {
    if isAtEnd {
      let context = DecodingError.Context(
        codingPath: decoder.codingPath + [key], debugDescription: "The unkeyed container is at its end.")
      throw DecodingError.valueNotFound(type, context)
    }
    return try decoder.locating(type, key) { (reader) throws(WireFault) in
      if let packed {
        return WireValue(tag: WireTag.number | packed.rawValue, start: cursor, end: cursor + packed.size)
      }
      let value = try reader.value(at: cursor, limit: end)
      if let count, (currentIndex + 1 == count) != (value.end == end) { throw .malformed(cursor) }
      return value
    }
  }

  private mutating func advance(beyond value: WireValue) {
    cursor = value.end
    currentIndex += 1
  }

  private mutating func primitive<P: WirePrimitive>() throws -> P {
    let value = try next(for: P.self)
    let primitive = try decoder.locating(P.self, key) { (reader) throws(WireFault) in
      try P.read(value, from: reader)
    }
    advance(beyond: value)
    return primitive
  }

  mutating func decodeNil() throws -> Bool {
    let value = try next(for: Never?.self)
    guard WireTag.isNull(value.tag) else { return false }
    advance(beyond: value)
    return true
  }

  mutating func decode(_ type: Bool.Type) throws -> Bool { try primitive() }
  mutating func decode(_ type: String.Type) throws -> String { try primitive() }
  mutating func decode(_ type: Double.Type) throws -> Double { try primitive() }
  mutating func decode(_ type: Float.Type) throws -> Float { try primitive() }
  mutating func decode(_ type: Int.Type) throws -> Int { try primitive() }
  mutating func decode(_ type: Int8.Type) throws -> Int8 { try primitive() }
  mutating func decode(_ type: Int16.Type) throws -> Int16 { try primitive() }
  mutating func decode(_ type: Int32.Type) throws -> Int32 { try primitive() }
  mutating func decode(_ type: Int64.Type) throws -> Int64 { try primitive() }
  mutating func decode(_ type: Int128.Type) throws -> Int128 { try primitive() }
  mutating func decode(_ type: UInt.Type) throws -> UInt { try primitive() }
  mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try primitive() }
  mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try primitive() }
  mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try primitive() }
  mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try primitive() }
  mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try primitive() }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let value = try next(for: type)
    let element = try decoder.decode(type, value, key: key)
    advance(beyond: value)
    return element
  }

  mutating func decodeIfPresent<T: Decodable>(_ type: T.Type) throws -> T? {
    if isAtEnd { return nil }
    let value = try next(for: type)
    let element = try decoder.decodeIfPresent(type, value, key: key)
    advance(beyond: value)
    return element
  }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) throws -> KeyedDecodingContainer<NestedKey> {
    let value = try next(for: KeyedDecodingContainer<NestedKey>.self)
    let container = try decoder.nestedDecoder(value, key: key).container(keyedBy: type)
    advance(beyond: value)
    return container
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    let value = try next(for: (any UnkeyedDecodingContainer).self)
    let container = try decoder.nestedDecoder(value, key: key).unkeyedContainer()
    advance(beyond: value)
    return container
  }

  mutating func superDecoder() throws -> any Decoder {
    let value = try next(for: (any Decoder).self)
    let superDecoder = try decoder.nestedDecoder(value, key: key)
    advance(beyond: value)
    return superDecoder
  }
}
