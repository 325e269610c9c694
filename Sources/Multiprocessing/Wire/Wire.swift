/// The compact coder in which values cross from process to process.
///
/// It takes every `Codable` type, is faster and smaller than a text format, and is meant for two ends of the same
/// program: the format is private to the library, and its version travels in the frames around it.
package enum Wire {
  /// Encodes one value.
  package static func encode<T: Encodable>(
    _ value: T, userInfo: [CodingUserInfoKey: any Sendable] = [:]
  ) throws -> [UInt8] {
    let encoder = WireEncoder(userInfo: userInfo)
    try encoder.append(value)
    return encoder.bytes
  }

  /// Decodes one value, which must take up all of the bytes.
  package static func decode<T: Decodable>(
    _ type: T.Type, from bytes: UnsafeRawBufferPointer, userInfo: [CodingUserInfoKey: any Sendable] = [:]
  ) throws -> T {
    try withDecoder(for: bytes, userInfo: userInfo) { try $0.next(type) }
  }

  /// Decodes one value, which must take up all of the bytes.
  package static func decode<T: Decodable>(
    _ type: T.Type, from bytes: [UInt8], userInfo: [CodingUserInfoKey: any Sendable] = [:]
  ) throws -> T {
    try bytes.withUnsafeBytes { try decode(type, from: $0, userInfo: userInfo) }
  }

  /// Reads values one after another, and throws if `body` leaves some unread.
  ///
  /// The bytes are borrowed, not copied: after the return the decoder, and all that was derived from it, only throws.
  static func withDecoder<R>(
    for bytes: UnsafeRawBufferPointer, userInfo: [CodingUserInfoKey: any Sendable] = [:],
    descriptors: WireDescriptors = .none, _ body: (WireDecoder) throws -> R
  ) throws -> R {
    let decoder = WireDecoder(bytes, userInfo: userInfo, descriptors: descriptors)
    defer { decoder.close() }
    let result = try body(decoder)
    try decoder.checkAtEnd()
    return result
  }
}
