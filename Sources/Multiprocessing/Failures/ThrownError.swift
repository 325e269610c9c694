internal import MultiprocessingEngine

/// An error on its way from a child to its parent. A `Codable` one arrives as itself.
enum ThrownError {
  /// How the error is told in any case, then, for a `Codable` error, its type and its encoded value.
  static func encode(_ error: any Error, told remote: RemoteError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(text: remote.typeName)
    bytes.append(text: remote.message)
    // An error that fails to encode is still told.
    guard let error = error as? any Error & Codable, let encoded = try? Wire.encode(error) else {
      return bytes
    }
    TypeReference(of: type(of: error)).append(to: &bytes)
    return bytes + encoded
  }

  static func decode(_ payload: Payload) -> any Error { withExtendedLifetime(payload) { decode(payload.bytes) } }

  static func decode(_ bytes: UnsafeRawBufferPointer) -> any Error {
    var reader = ByteReader(bytes)
    do {
      let remote = RemoteError(typeName: try reader.string(), description: try reader.string())
      return try typed(&reader) ?? ProcessError.thrown(remote)
    } catch {
      return ProcessError.thrown(
        RemoteError(typeName: "ReportError", description: "an error that cannot be read"))
    }
  }

  /// nil for an error that came as text alone, or whose type does not exist here.
  private static func typed(_ reader: inout ByteReader) throws -> (any Error)? {
    guard !reader.isAtEnd else { return nil }
    guard let type = try TypeReference(reading: &reader).resolve() as? any (Error & Codable).Type else {
      return nil
    }
    return try? Wire.decode(type, from: reader.remainder())
  }
}
