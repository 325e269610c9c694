internal import MultiprocessingEngine

extension Connection: Codable, FoundObject {
  private enum CodingKeys: String, CodingKey {
    case descriptor
    case number
    case direction
  }

  /// Takes this end along with the arguments of a process, or with a message over a `Connection`. A child finds the very
  /// object; another process a new one for the same end. Bytes of a TCP connection that were received here and not yet asked
  /// for do not go along.
  ///
  /// - Throws: `EncodingError` for every other coder, and for a closed connection.
  public func encode(to encoder: any Encoder) throws {
    guard let raw = socket.raw else {
      throw EncodingError.invalidValue(
        self,
        .init(codingPath: encoder.codingPath, debugDescription: "The connection is closed: send it before close()."))
    }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(OutgoingDescriptor(raw: raw, object: self), forKey: .descriptor)
    try container.encode(number, forKey: .number)
    try container.encode(socket.direction.rawValue, forKey: .direction)
  }

  static func found(by decoder: any Decoder) throws -> Connection {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let descriptor = try container.decode(IncomingDescriptor.self, forKey: .descriptor).descriptor
    let number = try container.decode(UInt64.self, forKey: .number)
    let direction = MessageSocket.Direction(rawValue: try container.decode(Int.self, forKey: .direction))
    guard let direction else { throw HandleCoding.corrupted(Self.self, "it goes in no direction", from: decoder) }
    switch descriptor {
    case .inherited:
      guard let connection = live[number] else {
        throw HandleCoding.corrupted(Self.self, "it did not exist when the process was forked", from: decoder)
      }
      return connection
    case .received(let descriptor):
      do throws(SocketFailure) {
        return Connection(try MessageSocket(descriptor, direction: direction))
      } catch {
        throw HandleCoding.corrupted(Self.self, "\(error)", from: decoder)
      }
    }
  }
}

/// What stands for the socket among the fields of an encoded connection.
private struct OutgoingDescriptor: Encodable {
  let raw: Int32
  let object: Connection

  func encode(to encoder: any Encoder) throws { try HandleCoding.encode(raw, of: object, to: encoder) }
}

private struct IncomingDescriptor: Decodable {
  let descriptor: WireDescriptor

  init(from decoder: any Decoder) throws { descriptor = try HandleCoding.decode(Connection.self, from: decoder) }
}
