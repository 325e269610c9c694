/// An array whose elements are encoded one by one.
///
/// The standard library would do the same, but by way of existential containers.
protocol WireEncodedArray {
  /// Encodes an array whose type is this one.
  static func encode<T>(_ value: T, by encoder: WireValueEncoder) throws
}

extension Array: WireEncodedArray where Element: Encodable {
  static func encode<T>(_ value: T, by encoder: WireValueEncoder) throws {
    let container = encoder.elements()
    // `WireTypeCoding` told this type for `T`, so both are the same one.
    try unsafeBitCast(value, to: Self.self).withUnsafeBufferPointer { elements in
      for index in elements.indices { try container.encode(elements[index]) }
    }
  }
}

/// An array whose elements are decoded one by one.
protocol WireDecodedArray {
  /// Decodes an array whose type is this one.
  static func decode<T>(_ type: T.Type, by decoder: WireValueDecoder) throws -> T
}

extension Array: WireDecodedArray where Element: Decodable {
  static func decode<T>(_ type: T.Type, by decoder: WireValueDecoder) throws -> T {
    var container = try decoder.elements()
    // The count is only what the bytes say: it takes no more room than this before there are elements.
    let room = Swift.min(container.count ?? 0, 1024)
    var elements = try [Element](unsafeUninitializedCapacity: room) { buffer, count in
      while count < room, !container.isAtEnd {
        buffer.initializeElement(at: count, to: try container.decode(Element.self))
        count += 1
      }
    }
    while !container.isAtEnd { elements.append(try container.decode(Element.self)) }
    // As above.
    return unsafeBitCast(elements, to: T.self)
  }
}
