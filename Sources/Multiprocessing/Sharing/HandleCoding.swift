internal import MultiprocessingEngine

/// How a shared object crosses: as the descriptor behind it, which goes along with the message. What is encoded in its place
/// is the descriptor's index.
enum HandleCoding {
  /// Throws an `EncodingError` where the coder, or the way the message goes, takes no descriptors.
  static func encode(_ descriptor: Int32, of object: Any, to encoder: any Encoder) throws {
    let wire = try wire(encoder, of: object)
    guard wire.carriesDescriptors else {
      throw EncodingError.invalidValue(
        object, .init(codingPath: encoder.codingPath, debugDescription: advice(type(of: object))))
    }
    let index = try wire.attach(descriptor: descriptor)
    var container = wire.singleValueContainer()
    try container.encode(index)
  }

  static func decode(_ type: Any.Type, from decoder: any Decoder) throws -> WireDescriptor {
    let wire = try wire(decoder, of: type)
    return try wire.descriptor(at: try wire.singleValueContainer().decode(Int.self))
  }

  /// The coder, if it is the one that takes descriptors.
  static func wire(_ encoder: any Encoder, of object: Any) throws -> WireValueEncoder {
    guard let wire = encoder as? WireValueEncoder else {
      throw EncodingError.invalidValue(
        object, .init(codingPath: encoder.codingPath, debugDescription: advice(type(of: object))))
    }
    return wire
  }

  static func wire(_ decoder: any Decoder, of type: Any.Type) throws -> WireValueDecoder {
    guard let wire = decoder as? WireValueDecoder else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: advice(type)))
    }
    return wire
  }

  /// For an object that did not survive its way here.
  static func corrupted(_ type: Any.Type, _ reason: String, from decoder: any Decoder) -> DecodingError {
    .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "This is no \(type): \(reason)."))
  }

  private static func advice(_ type: Any.Type) -> String {
    "A \(type) is shared memory or a descriptor, not data: pass it as an argument of a process, or send it through a Connection."
  }
}
