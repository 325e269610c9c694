import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Descriptors and connections that travel over a connection, and a table that has no room for them.
final class DescriptorPassingTests: AuditedTestCase {
  func testADescriptorArrivesInAnotherProcess() throws {
    let (ours, theirs) = try Connection.pair()
    let file = TemporaryFile()
    let child = Process {
      ours.close()
      let descriptor = try theirs.receiveFileDescriptor()
      guard fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0 else { return }
      _ = write(descriptor, "from the child", 14)
      close(descriptor)
    }
    try child.start()
    theirs.close()
    try ours.send(fileDescriptor: file.descriptor)
    try child.join()
    XCTAssertEqual(file.text, "from the child")
  }

  func testWhatIsNoDescriptorIsRefused() throws {
    let (first, second) = try Connection.pair()
    assertThrows(ConnectionError.system(errno: EBADF)) { try first.send(fileDescriptor: -1) }
    assertThrows(ConnectionError.system(errno: EBADF)) { try first.send(fileDescriptor: 9999) }
    XCTAssertFalse(try second.poll())
    let (client, _) = try ConnectionTests.connected(over: .tcp(host: "localhost", port: 0))
    assertThrows(ConnectionError.system(errno: EOPNOTSUPP)) { try client.send(fileDescriptor: 0) }
  }

  func testAConnectionTravelsToAProcessThatHasNotInheritedIt() throws {
    let (ours, theirs) = try Connection.pair()
    let child = Process {
      ours.close()
      let (reader, writer) = try theirs.receive([Connection].self).pair
      theirs.close()
      try writer.send("over the new one: \(try reader.receive(Int.self))")
    }
    try child.start()
    theirs.close()
    let (first, second) = try Connection.pair()
    let (results, resultWriter) = try Connection.pair(duplex: false)
    try ours.send([second, resultWriter])
    second.close()
    resultWriter.close()
    try first.send(7)
    XCTAssertEqual(try results.receive(String.self), "over the new one: 7")
    try child.join()
    assertThrows(ConnectionError.peerClosed) { try results.receive(String.self) }
  }

  func testADirectionTravelsAlong() throws {
    let (first, second) = try Connection.pair()
    let (reader, writer) = try Connection.pair(duplex: false)
    try first.send([reader, writer])
    // The originals are closed first: their numbers are free for the copies.
    reader.close()
    writer.close()
    let copies = try second.receive([Connection].self)
    assertThrows(ConnectionError.notWritable) { try copies[0].send(1) }
    try copies[1].send(2)
    XCTAssertEqual(try copies[0].receive(Int.self), 2)
  }

  func testWhatIsNotTakenIsClosed() throws {
    let (first, second) = try Connection.pair()
    let (reader, writer) = try Connection.pair(duplex: false)
    try first.send([writer])
    writer.close()
    // Not an array of strings: the message is gone, and with it the last copy of the writer.
    XCTAssertThrowsError(try second.receive([String].self))
    assertThrows(ConnectionError.peerClosed) { try reader.receive(Int.self) }
  }

  func testAFullTableLosesNothing() throws {
    let (first, second) = try Connection.pair()
    let long = [UInt8](repeating: 8, count: 3_000_000)
    let (reader, writer) = try Connection.pair(duplex: false)
    try first.sendBytes(long)
    try first.send(fileDescriptor: first.fileDescriptor)
    try first.send([reader, writer])
    try first.send("plain")
    for free in 0...2 {
      try withFullTable(leaving: 0) {
        for _ in 0..<3 { assertThrows(ConnectionError.system(errno: EMFILE)) { try Self.receive(free, second) } }
      }
      try withFullTable(leaving: free == 2 ? 2 : 1) { try Self.receive(free, second) }
    }
    XCTAssertEqual(try second.receive(String.self), "plain")
  }

  private static func receive(_ step: Int, _ connection: Connection) throws {
    // Outside of assertions, which would keep the errors.
    switch step {
    case 0:
      let bytes = try connection.receiveBytes()
      XCTAssertEqual(bytes.count, 3_000_000)
    case 1: close(try connection.receiveFileDescriptor())
    default:
      let connections = try connection.receive([Connection].self)
      XCTAssertEqual(connections.count, 2)
    }
  }

  /// A sender without room for a memory file says so, and has sent nothing.
  func testAFullTableOfTheSender() throws {
    let (first, second) = try Connection.pair()
    let long = [UInt8](repeating: 8, count: 3_000_000)
    try withFullTable(leaving: 0) {
      assertThrows(ConnectionError.system(errno: EMFILE)) { try first.sendBytes(long) }
      try first.sendBytes([1])
    }
    XCTAssertEqual(try second.receiveBytes(), [1])
  }

  /// A listener without room for another connection leaves its peer waiting.
  func testAFullTableOfTheListener() throws {
    let listener = try Listener(.abstract(name: "multiprocessing-full-\(getpid())"))
    let client = try Connection.connect(to: listener.address)
    try client.send("still here")
    try withFullTable(leaving: 0) {
      assertThrows(ConnectionError.system(errno: EMFILE)) { try listener.accept() }
      assertThrows(ConnectionError.system(errno: EMFILE)) { try Connection.connect(to: listener.address) }
      assertThrows(ConnectionError.system(errno: EMFILE)) { try Connection.pair() }
    }
    XCTAssertEqual(try listener.accept().receive(String.self), "still here")
  }

  /// Runs `body` with a limit of descriptors that leaves room for just so many.
  private func withFullTable(leaving free: Int, _ body: () throws -> Void) throws {
    var before = rlimit()
    XCTAssertEqual(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before), 0)
    var fillers: [Int32] = []
    var small = before
    small.rlim_cur = 256
    XCTAssertEqual(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &small), 0)
    while true {
      let filler = fcntl(0, F_DUPFD_CLOEXEC, 0)
      guard filler >= 0 else { break }
      fillers.append(filler)
    }
    for _ in 0..<free { close(fillers.removeLast()) }
    defer {
      for filler in fillers { close(filler) }
      XCTAssertEqual(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before), 0)
    }
    try body()
  }
}

extension [Connection] {
  fileprivate var pair: (Connection, Connection) { (self[0], self[1]) }
}
