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
    for element in unsafeBitCast(value, to: Self.self) { try container.encode(element) }
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
    var elements: [Element] = []
    // The count is only what the bytes say: it takes no more room than this before there are elements.
    elements.reserveCapacity(Swift.min(container.count ?? 0, 1024))
    while !container.isAtEnd { elements.append(try container.decode(Element.self)) }
    // As above.
    return unsafeBitCast(elements, to: T.self)
  }
}
