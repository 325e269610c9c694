internal import Glibc
internal import MultiprocessingEngine
internal import Synchronization

/// One end of a connection between two processes, or two threads: what is sent at one end is received at the other, message
/// for message. Python's `Connection`.
///
///     let (ours, theirs) = try Connection.pair()
///     let child = Process(target: { (connection: Connection) in try connection.send("hello") }, args: (theirs))
///     try child.start()
///     theirs.close()
///     print(try ours.receive(String.self))
///
/// A connection crosses to a child as an argument, in a closure or as a property of a `ProcessBase`, and through another
/// `Connection` to any process of the machine; there it is the same end. Every process closes its own copy, and an end is
/// closed when all who had it have closed it or ended: so close the copies that are not needed, as in Python. The other end
/// then receives what is still on its way, and meets `ConnectionError.peerClosed` at once, whether its peer is a child,
/// the parent or a sibling. A process that dies in the middle of a call loses at most the message it was about; over
/// TCP, the connection as well.
///
/// All methods may be called from any thread. A pair and unix addresses keep messages whole for any number of processes at
/// either end; an end of a TCP connection belongs to one process.
public final class Connection: Sendable {
  let socket: MessageSocket
  /// The same for the copies of one object in a process and the children it has forked.
  let number: UInt64

  static let live = LiveObjects<UInt64, Connection>()
  private static let count = Atomic<UInt64>(0)

  init(_ socket: MessageSocket) {
    self.socket = socket
    number = Self.count.wrappingAdd(1, ordering: .relaxed).newValue
    _ = Self.live.unify(self, for: number)
  }

  deinit { Self.live.remove(number) }

  // MARK: Making

  /// Two ends, connected with each other. Python's `Pipe()`.
  ///
  /// - Parameter duplex: false makes a reader and a writer, in this order.
  /// - Throws: `ConnectionError.system`.
  public static func pair(duplex: Bool = true) throws -> (Connection, Connection) {
    let (first, second) = try ConnectionError.translating("a connection", nil) {
      try MessageSocket.pair(isDuplex: duplex)
    }
    return (Connection(first), Connection(second))
  }

  /// Connects to a `Listener`. Python's `Client()`.
  ///
  /// - Parameters:
  ///   - address: the listener's.
  ///   - authKey: the listener's, if it has one: each side shows the other that it has the key, by HMAC-SHA-256 over what
  ///     both chose at random, and never sends the key. What follows is not encrypted.
  ///   - timeout: for the connection and the authentication, for which the listener has to accept; nil waits for ever, as
  ///     it must for a listener that has no key and asks for none. The time that a host's name takes to be looked up is the resolver's own.
  /// - Throws: `ConnectionError.system`, with ECONNREFUSED or ENOENT where nobody listens; `.authenticationFailed`;
  ///   `TimeoutError`.
  public static func connect(
    to address: Address, authKey: [UInt8]? = nil, timeout: Duration? = nil
  ) throws -> Connection {
    try ConnectionError.checkKey(authKey)
    let deadline = Deadline(after: timeout)
    return try ConnectionError.translating("a connection to \(address)", timeout) {
      Connection(try MessageSocket.connect(to: address.socketAddress, key: authKey, until: deadline))
    }
  }

  // MARK: Values

  /// Sends a value, shared objects in it included. Waits while the buffer of the connection is full: some megabytes, where
  /// the system allows for it. A message of more than a megabyte takes little room there, but memory until it is received.
  ///
  /// - Throws: `ConnectionError.peerClosed`, `.closed`, `.notWritable`, `.system`; what the value's encoding throws, over
  ///   TCP an `EncodingError` for shared objects. After an error nothing was sent; over TCP the connection may be
  ///   unusable then.
  public func send(_ value: some Encodable) throws {
    try requireWritable()
    let encoder = WireEncoder(carriesDescriptors: socket.carriesDescriptors)
    try encoder.append(value)
    try send(.value, encoder.bytes, passing: encoder.descriptors)
  }

  /// Waits for the next message, which has to be a value of that type.
  ///
  /// - Parameters:
  ///   - type: may be left out where it follows from what becomes of the value.
  ///   - timeout: nil waits for ever.
  /// - Throws: `TimeoutError`; `ConnectionError.peerClosed`, `.closed`, `.notReadable`, `.corruptMessage`, `.system`;
  ///   `DecodingError` for a value of another type. The message is gone then, and the connection goes on.
  ///   With `.system(errno: EMFILE)`, for a message whose descriptors have no room here, it is still there.
  public func receive<T: Decodable>(_ type: T.Type = T.self, timeout: Duration? = nil) throws -> T {
    try receive(.value, timeout) { message in
      let descriptors = WireDescriptors.received(message.descriptors)
      return try message.withBytes { try Wire.withDecoder(for: $0, descriptors: descriptors) { try $0.next(type) } }
    }
  }

  // MARK: Bytes

  /// Sends bytes, any number of them, as one message. See `send(_:)`.
  ///
  /// - Throws: `ConnectionError.peerClosed`, `.closed`, `.notWritable`, `.system`.
  public func sendBytes(_ bytes: [UInt8]) throws {
    try requireWritable()
    try send(.bytes, bytes)
  }

  /// Waits for the next message, which has to be one of `sendBytes(_:)`.
  ///
  /// - Parameters:
  ///   - maxLength: a longer message is dropped, and throws `ConnectionError.messageTooLong`. nil takes any.
  ///   - timeout: nil waits for ever.
  /// - Throws: `TimeoutError`; `ConnectionError.peerClosed`, `.closed`, `.notReadable`, `.corruptMessage`,
  ///   `.messageTooLong`; `.system`, with EINVAL for a negative `maxLength`. See `receive(_:timeout:)`.
  public func receiveBytes(maxLength: Int? = nil, timeout: Duration? = nil) throws -> [UInt8] {
    if let maxLength, maxLength < 0 { throw ConnectionError.system(errno: EINVAL) }
    return try receive(.bytes, timeout, maxLength: maxLength ?? .max) { try $0.bytes() }
  }

  // MARK: Descriptors

  /// Sends a copy of a descriptor. It may be closed here as soon as this returns.
  ///
  /// - Throws: `ConnectionError.peerClosed`, `.closed`, `.notWritable`; `.system`, with EBADF for what is no open descriptor
  ///   and EOPNOTSUPP over TCP, which carries none.
  public func send(fileDescriptor: Int32) throws {
    try requireWritable()
    guard socket.carriesDescriptors else { throw ConnectionError.system(errno: EOPNOTSUPP) }
    try send(.descriptor, [], passing: [fileDescriptor])
  }

  /// Waits for the next message, which has to be one of `send(fileDescriptor:)`. The descriptor is the caller's to close; it
  /// is closed by exec(3).
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Throws: `TimeoutError`; `ConnectionError.peerClosed`, `.closed`, `.notReadable`, `.corruptMessage`; `.system`, with
  ///   EMFILE when this process has no room for another descriptor: it is still there then.
  public func receiveFileDescriptor(timeout: Duration? = nil) throws -> Int32 {
    try receive(.descriptor, timeout) { message in
      guard let raw = message.descriptors.release(at: 0) else {
        throw SocketFailure.corrupt("a message without its descriptor")
      }
      return raw
    }
  }

  // MARK: State

  /// Waits until there is a message, or the peer is gone: a call to receive does not wait then, but for what is left to come of a message that has
  /// begun, such as the descriptors of one that passes some.
  ///
  /// - Parameter timeout: zero only looks; nil waits for ever.
  /// - Returns: false when time ran out.
  /// - Throws: `ConnectionError.closed`, `.notReadable`, `.system`.
  public func poll(timeout: Duration? = .zero) throws -> Bool {
    try requireReadable()
    return try ConnectionError.translating("a message", timeout) {
      try socket.isReadable(until: Deadline(after: timeout))
    }
  }

  /// Closes this process' copy of the end. Twice is fine. A thread that is waiting in a call goes on waiting, and the
  /// descriptor is closed when it is done: another process may be using the same end, so nothing here may end the wait.
  public func close() { socket.close() }

  /// Whether `close()` was called in this process, or before it was forked.
  public var isClosed: Bool { socket.isClosed }

  /// For poll(2) and its kin; -1 when it is closed. Do not read, write or close it.
  public var fileDescriptor: Int32 { socket.raw ?? -1 }

  // MARK: The way of a message

  private func send(_ kind: MessageHeader.Kind, _ bytes: [UInt8], passing descriptors: [Int32] = []) throws {
    try ConnectionError.translating("room for a message", nil) {
      try bytes.withUnsafeBytes { try socket.send(kind, $0, passing: descriptors) }
    }
  }

  private func receive<Value>(
    _ kind: MessageHeader.Kind, _ timeout: Duration?, maxLength: Int = .max, _ body: (IncomingMessage) throws -> Value
  ) throws -> Value {
    try requireReadable()
    return try ConnectionError.translating("a message", timeout) {
      try socket.receive(until: Deadline(after: timeout), maxLength: maxLength) { message in
        guard message.kind == kind else { throw Self.mistake(message.kind) }
        return try body(message)
      }
    }
  }

  private static func mistake(_ kind: MessageHeader.Kind) -> SocketFailure {
    switch kind {
    case .value: .corrupt("it is a value, to be read with receive(_:)")
    case .bytes: .corrupt("it is bytes, to be read with receiveBytes()")
    case .descriptor: .corrupt("it is a file descriptor, to be read with receiveFileDescriptor()")
    case .announcement: .corrupt("it announces another one")
    // A listener with a key, and a peer that connected without one.
    case .handshake: .unauthentic
    }
  }

  func requireReadable() throws(ConnectionError) {
    if socket.isClosed { throw .closed }
    if socket.direction == .writing { throw .notReadable }
  }

  private func requireWritable() throws(ConnectionError) {
    if socket.isClosed { throw .closed }
    if socket.direction == .reading { throw .notWritable }
  }
}

extension ConnectionError {
  /// An empty key is everybody's: most likely a setting that is missing.
  static func checkKey(_ key: [UInt8]?) throws(ConnectionError) {
    if key?.isEmpty == true { throw .system(errno: EINVAL) }
  }
}
