import CMultiprocessing
import Glibc
import Synchronization

/// Messages over TCP: each a header that tells the length, and the payload. What came beyond a message waits in a buffer of
/// this process, so one process alone should read an end, and one write it; its threads may do both.
final class StreamTransport: Sendable {
  private let socket: OpenSocket
  /// Held while bytes that are there are taken in, never while waiting for more.
  private let incoming = ForkAwareLock(StreamAssembler())
  /// How many receive at this moment, or wait for it.
  private let receivers = Atomic<Int>(0)
  /// Held until a message is sent whole, so that no other comes between its parts.
  private let outgoing = ForkAwareLock(())

  private static let readSize = 64 << 10

  init(_ socket: OpenSocket) { self.socket = socket }

  /// Waits while the stream takes nothing more.
  func send(_ kind: MessageHeader.Kind, _ payload: UnsafeRawBufferPointer) throws(SocketFailure) {
    try socket.use { (socket) throws(SocketFailure) in
      try outgoing.withLock { (_) throws(SocketFailure) in
        try MessageHeader(kind, length: payload.count).withBytes { (header) throws(SocketFailure) in
          var header = header[...]
          var payload = payload[...]
          while !header.isEmpty || !payload.isEmpty {
            let count = try SocketFailure.of { () throws(SystemFailure) in
              try Syscall.sendMessage(
                socket, header: UnsafeRawBufferPointer(rebasing: header),
                payload: UnsafeRawBufferPointer(rebasing: payload), passing: [], waits: true)
            }
            payload = payload.dropFirst(max(0, count - header.count))
            header = header.dropFirst(count)
          }
        }
      }
    }
  }

  /// Waits for a message. One longer than `maxLength` is dropped, its bytes as they come.
  func receive(
    until deadline: Deadline, maxLength: Int = .max
  ) throws(SocketFailure) -> (header: MessageHeader, payload: [UInt8]) {
    try socket.use { (socket) throws(SocketFailure) in
      try wait(for: socket, until: deadline) { (assembler) throws(SocketFailure) in
        guard let header = try assembler.header() else { return nil }
        guard header.length <= maxLength else {
          assembler.drop(header)
          throw .tooLong(header.length)
        }
        return assembler.isComplete(header) ? (header, assembler.take(header)) : nil
      }
    }
  }

  /// Whether a call to `receive` would not wait: a message is there whole, or none comes any more.
  func isReadable(until deadline: Deadline) throws(SocketFailure) -> Bool {
    do throws(SocketFailure) {
      return try socket.use { (socket) throws(SocketFailure) in
        try wait(for: socket, until: deadline) { (assembler) throws(SocketFailure) in
          try assembler.header().map(assembler.isComplete) == true ? true : nil
        }
      }
    } catch {
      switch error {
      case .timedOut: return false
      case .end, .corrupt: return true
      default: throw error
      }
    }
  }

  /// Takes bytes in until `next` finds what it looks for.
  private func wait<Value>(
    for socket: Int32, until deadline: Deadline,
    _ next: (inout StreamAssembler) throws(SocketFailure) -> Value?
  ) throws(SocketFailure) -> Value {
    enter()
    defer { leave() }
    while true {
      let found = try incoming.withLock { (assembler) throws(SocketFailure) in
        repeat {
          if let value = try next(&assembler) { return value as Value? }
        } while try fill(&assembler, from: socket)
        return nil
      }
      if let found { return found }
      let span = Tracing.wait("a message")
      defer { span.end() }
      let isReadable = try SocketFailure.of { () throws(SystemFailure) in
        try Syscall.waitReadable(socket, until: deadline)
      }
      guard isReadable else { throw .timedOut }
    }
  }

  /// Counts a receiver, ahead of its first look.
  func enter() { receivers.wrappingAdd(1, ordering: .sequentiallyConsistent) }
  func leave() { receivers.wrappingSubtract(1, ordering: .sequentiallyConsistent) }

  /// Takes in what is there; false when that is nothing.
  ///
  /// Several messages at once, unless others receive as well: one that has looked in vain sleeps until there is something in the socket, and
  /// what is not the next message's therefore stays there. Whoever comes later looks here first.
  private func fill(_ assembler: inout StreamAssembler, from socket: Int32) throws(SocketFailure) -> Bool {
    let isAlone = receivers.load(ordering: .sequentiallyConsistent) <= 1
    let size = isAlone ? Self.readSize : min(Self.readSize, max(1, try assembler.missing))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { buffer.deallocate() }
    let received = try SocketFailure.of { () throws(SystemFailure) in try Syscall.receiveBytes(socket, into: buffer) }
    guard let count = received?.count else { return false }
    guard count > 0 else { throw .end }
    assembler.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    return true
  }
}
