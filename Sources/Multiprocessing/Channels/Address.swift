internal import MultiprocessingEngine

/// Where a `Listener` is found.
public enum Address: Hashable, Sendable, Codable {
  /// A file of the file system, of at most 107 bytes with its folders; unix(7).
  case unix(path: String)
  /// A name of at most 107 bytes that is no file, and free again when nobody has the socket any more.
  case abstract(name: String)
  /// A host's name or number and a port. For a listener an empty host is every interface, and port 0 one that the system
  /// chooses; to connect to, an empty host is this machine.
  case tcp(host: String, port: UInt16)
}

extension Address: CustomStringConvertible {
  /// "tcp localhost:4000".
  public var description: String {
    switch self {
    case .unix(let path): "unix \(path)"
    case .abstract(let name): "abstract \(name)"
    case .tcp(let host, let port): "tcp \(host):\(port)"
    }
  }

  var socketAddress: SocketAddress {
    switch self {
    case .unix(let path): .unix(path: path)
    case .abstract(let name): .abstract(name: name)
    case .tcp(let host, let port): .tcp(host: host, port: port)
    }
  }
}
