import CMultiprocessing

/// A handshake over a connection that is not trusted yet: what it may send is bounded, and what it sends along is not taken.
struct Authentication {
  /// How long a listener waits for a peer that has connected.
  static let patience = Duration.seconds(5)

  let socket: Int32
  let deadline: Deadline
  private let isStream: Bool

  init(of socket: Int32, until deadline: Deadline) throws(SystemFailure) {
    self.socket = socket
    self.deadline = deadline
    isStream = try Syscall.socketKind(socket) == 2
  }

  /// Throws `.unauthentic` for a peer without the key, `.timedOut` for one that is silent.
  func run(_ role: Handshake.Role, key: [UInt8]) throws(SocketFailure) {
    var random = SystemRandomNumberGenerator()
    let nonce = (0..<Handshake.nonceSize).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    var handshake = Handshake(role, key: key, nonce: nonce)
    if let first = handshake.begin() { try say(first) }
    while true {
      switch handshake.hear(try hear()) {
      case .say(let answer): try say(answer)
      case .accept(let last):
        if !last.isEmpty { try say(last) }
        return
      case .refuse: throw .unauthentic
      }
    }
  }

  private func say(_ message: [UInt8]) throws(SocketFailure) {
    try MessageHeader(.handshake, length: message.count).withBytes { (header) throws(SocketFailure) in
      try message.withUnsafeBufferPointer { (message) throws(SocketFailure) in
        // So little that a new socket's buffer takes it whole, at once.
        _ = try Self.meeting { () throws(SystemFailure) in
          try Syscall.sendMessage(
            socket, header: header, payload: UnsafeRawBufferPointer(message), passing: [], waits: false)
        }
      }
    }
  }

  /// The next message of the handshake. Reads nothing beyond it: what follows is the connection's.
  private func hear() throws(SocketFailure) -> [UInt8] {
    var message: [UInt8] = []
    // A packet comes whole; of a stream first the header, so that the length is known.
    var wanted = isStream ? MessageHeader.size : MessageHeader.size + Handshake.longest
    while true {
      message += try receive(wanted - message.count)
      guard !isStream || message.count == wanted else { continue }
      let header = try parse(message)
      let end = MessageHeader.size + header.length
      if message.count == end { return Array(message[MessageHeader.size...]) }
      guard isStream, message.count < end else { throw .unauthentic }
      wanted = end
    }
  }

  private func parse(_ message: [UInt8]) throws(SocketFailure) -> MessageHeader {
    do throws(SocketFailure) {
      let header = try message.withUnsafeBufferPointer { (bytes) throws(SocketFailure) in
        try MessageHeader(parsing: UnsafeRawBufferPointer(bytes))
      }
      if header.kind == .handshake, header.length <= Handshake.longest { return header }
    } catch {}
    throw .unauthentic
  }

  /// Up to `count` bytes, at least one.
  private func receive(_ count: Int) throws(SocketFailure) -> [UInt8] {
    try withUnsafeTemporaryAllocation(byteCount: MessageHeader.size + Handshake.longest, alignment: 8) {
      (buffer) throws(SocketFailure) in
      let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      while true {
        let received = try Self.meeting { () throws(SystemFailure) in try Syscall.receiveBytes(socket, into: room) }
        if let received {
          guard received.count > 0, !received.isCut else { throw .unauthentic }
          return Array(room[..<received.count])
        }
        let isReadable = try SocketFailure.of { () throws(SystemFailure) in
          try Syscall.waitReadable(socket, until: deadline)
        }
        guard isReadable else { throw .timedOut }
      }
    }
  }

  /// A peer that goes away has not shown the key.
  private static func meeting<Value>(_ body: () throws(SystemFailure) -> Value) throws(SocketFailure) -> Value {
    do throws(SocketFailure) {
      return try SocketFailure.of(body)
    } catch {
      throw error == .end ? .unauthentic : error
    }
  }
}
