import Glibc

/// A pipe of the test's own: the engine knows nothing of it, so every child has both ends.
public final class TestPipe: Sendable {
  public let reader: Int32
  public let writer: Int32

  public init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0, "no pipe: errno \(errno)")
    (reader, writer) = (ends[0], ends[1])
  }

  deinit {
    close(reader)
    close(writer)
  }

  /// Waits for a byte.
  public func read(_ byte: inout UInt8) {
    while Glibc.read(reader, &byte, 1) != 1 { precondition(errno == EINTR, "errno \(errno)") }
  }

  /// For less than a pipe holds.
  public func write(_ bytes: [UInt8]) {
    while Glibc.write(writer, bytes, bytes.count) != bytes.count {
      precondition(errno == EINTR, "errno \(errno)")
    }
  }

  /// Whether something can be read before `seconds` are over.
  public func isReadable(within seconds: Double) -> Bool {
    waitReadable(reader, within: seconds)
  }
}

/// Whether poll(2) finds `descriptor` readable before `seconds` are over.
public func waitReadable(_ descriptor: Int32, within seconds: Double) -> Bool {
  var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  while true {
    let count = poll(&entry, 1, Int32(seconds * 1000))
    if count >= 0 { return count > 0 }
    precondition(errno == EINTR, "errno \(errno)")
  }
}
