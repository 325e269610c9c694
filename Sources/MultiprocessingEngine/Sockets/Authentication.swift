import CMultiprocessing

/// A handshake over a connection that is not trusted yet: what it may send is bounded, and what it sends along is not taken.
struct Authentication {
  /// How long a listener waits for a peer that has connected.
  static let patience = Duration.seconds(5)

  private let socket: Int32
  private let isStream: Bool
  private var handshake: Handshake
  /// What has come of the next message.
  private var message: [UInt8] = []
  /// How long it is to be, as far as that is known.
  private var wanted: Int

  /// Begins it. Throws `.unauthentic` for a peer that is gone.
  init(of socket: Int32, _ role: Handshake.Role, key: [UInt8]) throws(SocketFailure) {
    self.socket = socket
    let isStream = try SocketFailure.of { () throws(SystemFailure) in try Syscall.socketKind(socket) == 2 }
    self.isStream = isStream
    wanted = Self.beginning(isStream)
    var random = SystemRandomNumberGenerator()
    let nonce = (0..<Handshake.nonceSize).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    handshake = Handshake(role, key: key, nonce: nonce)
    if let first = handshake.begin() { try say(first) }
  }

  /// A packet comes whole; of a stream first the header, so that the length is known.
  private static func beginning(_ isStream: Bool) -> Int {
    isStream ? MessageHeader.size : MessageHeader.size + Handshake.longest
  }

  /// Goes on as far as what has come allows for: true at the end, false when more has to come. Throws `.unauthentic` for a peer
  /// without the key.
  mutating func advance() throws(SocketFailure) -> Bool {
    while let heard = try hear() {
      switch handshake.hear(heard) {
      case .say(let answer): try say(answer)
      case .accept(let last):
        if !last.isEmpty { try say(last) }
        return true
      case .refuse: throw .unauthentic
      }
    }
    return false
  }

  /// Carries it to its end. Throws `.timedOut` for a peer that is silent.
  mutating func run(until deadline: Deadline) throws(SocketFailure) {
    while try !advance() {
      let isReadable = try SocketFailure.of { () throws(SystemFailure) in
        try Syscall.waitReadable(socket, until: deadline)
      }
      guard isReadable else { throw .timedOut }
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

  /// The next message of the handshake; nil when it has not come whole. Reads nothing beyond it: what follows is the connection's.
  private mutating func hear() throws(SocketFailure) -> [UInt8]? {
    while let bytes = try receive(wanted - message.count) {
      message += bytes
      guard !isStream || message.count == wanted else { continue }
      let header = try parse(message)
      let end = MessageHeader.size + header.length
      if message.count == end {
        defer { (message, wanted) = ([], Self.beginning(isStream)) }
        return Array(message[MessageHeader.size...])
      }
      guard isStream, message.count < end else { throw .unauthentic }
      wanted = end
    }
    return nil
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

  /// Up to `count` bytes, at least one; nil when there are none at the moment.
  private func receive(_ count: Int) throws(SocketFailure) -> [UInt8]? {
    try withUnsafeTemporaryAllocation(byteCount: MessageHeader.size + Handshake.longest, alignment: 8) {
      (buffer) throws(SocketFailure) in
      let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      let received = try Self.meeting { () throws(SystemFailure) in try Syscall.receiveBytes(socket, into: room) }
      guard let received else { return nil }
      guard received.count > 0, !received.isCut else { throw .unauthentic }
      return Array(room[..<received.count])
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
