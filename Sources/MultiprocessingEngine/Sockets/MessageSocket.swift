import CMultiprocessing

/// One end of a connection, whatever it runs over.
package final class MessageSocket: Sendable {
  package enum Direction: Int, Sendable {
    case both = 0
    case reading = 1
    case writing = 2
  }

  package let direction: Direction
  private let socket: OpenSocket
  private let transport: Transport

  private enum Transport {
    case packets(PacketTransport)
    case stream(StreamTransport)
  }

  /// Takes over a connected socket. Throws `.corrupt` for what is no such thing.
  package init(_ descriptor: InheritableDescriptor, direction: Direction = .both) throws(SocketFailure) {
    let kind = try SocketFailure.of { () throws(SystemFailure) in try Syscall.socketKind(descriptor.raw) }
    socket = OpenSocket(descriptor)
    switch kind {
    case 1:
      // Room for a few of the longest packets; the system may grant less.
      try SocketFailure.of { () throws(SystemFailure) in
        try Syscall.setSendBuffer(descriptor.raw, 2 * PacketTransport.longestPacket)
      }
      transport = .packets(PacketTransport(socket))
    case 2: transport = .stream(StreamTransport(socket))
    default: throw .corrupt("a descriptor that is not a connection's")
    }
    self.direction = direction
  }

  /// Two ends, connected with each other.
  package static func pair(isDuplex: Bool) throws(SocketFailure) -> (MessageSocket, MessageSocket) {
    let (first, second) = try SocketFailure.of { () throws(SystemFailure) in
      let (first, second) = try Syscall.packetPair()
      return (InheritableDescriptor(owning: first), InheritableDescriptor(owning: second))
    }
    guard !isDuplex else { return (try MessageSocket(first), try MessageSocket(second)) }
    try SocketFailure.of { () throws(SystemFailure) in
      try Syscall.shutDown(first.raw, writing: true)
      try Syscall.shutDown(second.raw, reading: true)
    }
    return (try MessageSocket(first, direction: .reading), try MessageSocket(second, direction: .writing))
  }

  // MARK: Messages

  /// Whether messages may take descriptors along.
  package var carriesDescriptors: Bool { if case .packets = transport { true } else { false } }

  /// Sends a message whole, waiting while there is no room for it.
  package func send(
    _ kind: MessageHeader.Kind, _ payload: UnsafeRawBufferPointer, passing descriptors: [Int32] = []
  ) throws(SocketFailure) {
    switch transport {
    case .packets(let packets): try packets.send(kind, payload, passing: descriptors)
    case .stream(let stream): try stream.send(kind, payload)
    }
  }

  /// Waits for a message. What `body` is given is valid until it returns. A message longer than `maxLength` is dropped.
  package func receive<Value>(
    until deadline: Deadline, maxLength: Int = .max, _ body: (IncomingMessage) throws -> Value
  ) throws -> Value {
    switch transport {
    case .packets(let packets):
      try packets.receive(until: deadline) { message in
        guard message.length <= maxLength else { throw SocketFailure.tooLong(message.length) }
        return try body(message)
      }
    case .stream(let stream):
      try body(IncomingMessage(try stream.receive(until: deadline, maxLength: maxLength)))
    }
  }

  /// Whether a call to `receive` would not wait.
  package func isReadable(until deadline: Deadline) throws(SocketFailure) -> Bool {
    switch transport {
    case .packets(let packets): try packets.isReadable(until: deadline)
    case .stream(let stream): try stream.isReadable(until: deadline)
    }
  }

  // MARK: The descriptor

  package var isClosed: Bool { socket.isClosed }

  /// nil when it is closed.
  package var raw: Int32? { socket.raw }

  package func close() { socket.close() }

  /// The number, which stays this socket's as long as the object that is answered lives; nil when it is closed.
  ///
  /// Whoever holds it may wait for it to be readable: as one of its receivers, whom no message is to pass by.
  package func hold() -> HeldSocket? {
    if case .stream(let stream) = transport { HeldSocket(socket, receivingFrom: stream) } else { HeldSocket(socket) }
  }
}

/// A use of a socket that outlasts a call.
package final class HeldSocket: Sendable {
  package let raw: Int32
  private let socket: OpenSocket
  private let stream: StreamTransport?

  init?(_ socket: OpenSocket, receivingFrom stream: StreamTransport? = nil) {
    guard let raw = socket.enter() else { return nil }
    self.raw = raw
    self.socket = socket
    self.stream = stream
    stream?.enter()
  }

  deinit {
    stream?.leave()
    socket.leave()
  }
}
