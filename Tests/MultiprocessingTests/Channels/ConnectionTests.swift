import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What travels over a connection, and how its ends behave.
final class ConnectionTests: AuditedTestCase {
  private struct Order: Codable, Equatable, Sendable {
    var id: Int
    var items: [String]
    var price: Double?
  }

  // MARK: Messages

  func testValuesArriveInAnotherProcessAndBack() throws {
    let (ours, theirs) = try Connection.pair()
    let echo = Process {
      ours.close()
      while true {
        do {
          try theirs.send(try theirs.receive(Order.self))
        } catch ConnectionError.peerClosed {
          return
        }
      }
    }
    try echo.start()
    theirs.close()
    for id in 0..<50 {
      let order = Order(id: id, items: (0..<id).map { "item \($0)" }, price: id.isMultiple(of: 2) ? nil : 1.5)
      try ours.send(order)
      XCTAssertEqual(try ours.receive(), order)
    }
    ours.close()
    try echo.join()
    XCTAssertEqual(echo.exitCode, 0)
  }

  func testBoundariesAreKeptFromNothingToHundredsOfMebibytes() throws {
    let lengths = [
      0, 1, 15, 16, 4096, 65_519, 65_535, 65_536, 65_537, 262_144, 1 << 20, 1_081_344, 1_081_345, 5_000_001, 200 << 20,
    ]
    let (reader, writer) = try Connection.pair(duplex: false)
    let child = Process {
      reader.close()
      for (index, length) in lengths.enumerated() {
        try writer.sendBytes([UInt8](repeating: UInt8(index + 1), count: length))
      }
    }
    try child.start()
    writer.close()
    for (index, length) in lengths.enumerated() {
      let bytes = try reader.receiveBytes()
      XCTAssertEqual(bytes.count, length)
      // Compared as a whole: byte by byte takes seconds in a debug build.
      XCTAssertTrue(bytes == [UInt8](repeating: UInt8(index + 1), count: length), "\(length) bytes")
    }
    assertThrows(ConnectionError.peerClosed) { try reader.receiveBytes() }
    try child.join()
  }

  func testASmallBufferOfTheSystemsHoldsNothingBack() throws {
    let (first, second) = try Connection.pair()
    var size: Int32 = 64 << 10
    XCTAssertEqual(
      setsockopt(first.fileDescriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size)), 0)
    for length in [100, 60_000, 65_536, 300_000, 1 << 20] {
      try first.sendBytes([UInt8](repeating: 1, count: length))
      XCTAssertEqual(try second.receiveBytes().count, length)
    }
  }

  func testTCPKeepsBoundariesToo() throws {
    let lengths = [0, 1, 65_536, 1_000_003, 64 << 20]
    let listener = try Listener(.tcp(host: "127.0.0.1", port: 0))
    let address = listener.address
    let child = Process {
      let connection = try Connection.connect(to: address)
      for length in lengths { try connection.sendBytes([UInt8](repeating: 3, count: length)) }
      try connection.send("the end")
    }
    try child.start()
    let connection = try listener.accept(timeout: .seconds(60))
    for length in lengths {
      XCTAssertEqual(try connection.receiveBytes().count, length)
    }
    XCTAssertEqual(try connection.receive(String.self), "the end")
    assertThrows(ConnectionError.peerClosed) { try connection.receive(String.self) }
    try child.join()
    XCTAssertEqual(child.exitCode, 0)
  }

  func testLongValuesArrive() throws {
    let (first, second) = try Connection.pair()
    let text = String(repeating: "ä", count: 500_000)
    // Nobody receives yet: a long message waits in memory, and its sender does not.
    try first.send([text, "short"])
    try first.send((0..<300_000).map(Double.init))
    XCTAssertEqual(try second.receive([String].self), [text, "short"])
    XCTAssertEqual(try second.receive([Double].self).count, 300_000)
  }

  func testALongerMessageThanAskedForIsDropped() throws {
    for (first, second) in try [Connection.pair(), Self.connected(over: .tcp(host: "localhost", port: 0))] {
      try first.sendBytes([1, 2, 3, 4])
      try first.sendBytes([UInt8](repeating: 1, count: 100_000))
      try first.sendBytes([5, 6, 7])
      assertThrows(ConnectionError.system(errno: EINVAL)) { try second.receiveBytes(maxLength: -1) }
      assertThrows(ConnectionError.messageTooLong(4)) { try second.receiveBytes(maxLength: 3) }
      assertThrows(ConnectionError.messageTooLong(100_000)) { try second.receiveBytes(maxLength: 99_999) }
      XCTAssertEqual(try second.receiveBytes(maxLength: 3), [5, 6, 7])
    }
  }

  func testAMessageOfAnotherKindIsToldApart() throws {
    let (first, second) = try Connection.pair()
    try first.sendBytes([1])
    try first.send("text")
    try first.send(fileDescriptor: 0)
    for receive in [
      { _ = try second.receive(String.self) }, { _ = try second.receiveBytes() }, { _ = try second.receiveBytes() },
    ] {
      guard case .corruptMessage = thrown(ConnectionError.self, by: receive) else { return XCTFail("another error") }
    }
    try first.send(7)
    XCTAssertThrowsError(try second.receive(String.self)) { XCTAssertTrue($0 is DecodingError, "\($0)") }
    try first.send(8)
    XCTAssertEqual(try second.receive(Int.self), 8)
  }

  // MARK: Time

  func testPoll() throws {
    let (first, second) = try Connection.pair()
    XCTAssertFalse(try second.poll())
    XCTAssertFalse(try second.poll(timeout: .milliseconds(20)))
    XCTAssertFalse(try second.poll(timeout: .seconds(-1)))
    try first.send(1)
    XCTAssertTrue(try second.poll())
    XCTAssertTrue(try second.poll(timeout: nil))
    XCTAssertEqual(try second.receive(Int.self), 1)
    XCTAssertFalse(try second.poll())
    first.close()
    XCTAssertTrue(try second.poll(timeout: nil))
    assertThrows(ConnectionError.peerClosed) { try second.receive(Int.self) }
  }

  func testReceivingRunsOutOfTime() throws {
    for (first, second) in try [Connection.pair(), Self.connected(over: .tcp(host: "localhost", port: 0))] {
      let error = thrown(TimeoutError.self) { try second.receive(Int.self, timeout: .milliseconds(20)) }
      XCTAssertEqual(error?.timeout, .milliseconds(20))
      XCTAssertNotNil(thrown(TimeoutError.self) { try second.receiveBytes(timeout: .zero) })
      XCTAssertNotNil(thrown(TimeoutError.self) { try second.receiveFileDescriptor(timeout: .seconds(-3)) })
      try first.send(5)
      XCTAssertEqual(try second.receive(timeout: .seconds(60)), 5)
    }
  }

  func testManySmallMessagesWaitForTheReader() throws {
    let (reader, writer) = try Connection.pair(duplex: false)
    let child = Process {
      reader.close()
      for number in 0..<20_000 { try writer.send(number) }
    }
    try child.start()
    writer.close()
    for number in 0..<20_000 { XCTAssertEqual(try reader.receive(Int.self), number) }
    try child.join()
    XCTAssertEqual(child.exitCode, 0)
  }

  // MARK: The peer's end

  func testWhatWasSentBeforeTheEndIsReceived() throws {
    let (first, second) = try Connection.pair()
    try first.send("one")
    try first.send([UInt8](repeating: 1, count: 200_000))
    // Unread there: the kernel tells of a reset rather than an end.
    try second.send("never read")
    first.close()
    XCTAssertEqual(try second.receive(String.self), "one")
    XCTAssertEqual(try second.receive([UInt8].self).count, 200_000)
    assertThrows(ConnectionError.peerClosed) { try second.receive(String.self) }
    assertThrows(ConnectionError.peerClosed) { try second.send("anybody?") }
  }

  func testADeadPeerIsAnErrorAtOnceForParentAndSibling() throws {
    let (ours, theirs) = try Connection.pair()
    let killed = Process {
      ours.close()
      try theirs.send("alive")
      _ = try theirs.receive(Int.self)
    }
    let (left, right) = try Connection.pair()
    try killed.start()
    theirs.close()
    XCTAssertEqual(try ours.receive(String.self), "alive")
    let first = Process {
      ours.close()
      left.close()
      while true { pause() }
    }
    try first.start()
    right.close()
    let second = Process { () -> Bool in
      ours.close()
      do {
        _ = try left.receive(Int.self)
        return false
      } catch ConnectionError.peerClosed {
        return true
      }
    }
    try second.start()
    left.close()
    try killed.kill()
    assertThrows(ConnectionError.peerClosed) { try ours.receive(String.self) }
    try first.kill()
    XCTAssertTrue(try second.result())
    try first.join()
    try killed.join()
  }

  func testSendingToNobodyRaisesNoSignal() throws {
    for (first, second) in try [Connection.pair(), Self.connected(over: .tcp(host: "localhost", port: 0))] {
      second.close()
      let noticed = eventually { (try? first.sendBytes([UInt8](repeating: 0, count: 100_000))) == nil }
      XCTAssertTrue(noticed)
      assertThrows(ConnectionError.peerClosed) { try first.sendBytes([1]) }
    }
  }

  // MARK: Closing, and one way

  func testAClosedConnectionRefuses() throws {
    let (first, second) = try Connection.pair()
    XCTAssertGreaterThanOrEqual(first.fileDescriptor, 0)
    XCTAssertFalse(first.isClosed)
    first.close()
    first.close()
    XCTAssertTrue(first.isClosed)
    XCTAssertEqual(first.fileDescriptor, -1)
    assertThrows(ConnectionError.closed) { try first.send(1) }
    assertThrows(ConnectionError.closed) { try first.sendBytes([]) }
    assertThrows(ConnectionError.closed) { try first.send(fileDescriptor: 0) }
    assertThrows(ConnectionError.closed) { try first.receive(Int.self) }
    assertThrows(ConnectionError.closed) { try first.receiveBytes() }
    assertThrows(ConnectionError.closed) { try first.receiveFileDescriptor() }
    assertThrows(ConnectionError.closed) { try first.poll() }
    _ = second
  }

  func testOneWayEndsKnowTheirDirection() throws {
    let (reader, writer) = try Connection.pair(duplex: false)
    assertThrows(ConnectionError.notWritable) { try reader.send(1) }
    assertThrows(ConnectionError.notWritable) { try reader.sendBytes([1]) }
    assertThrows(ConnectionError.notWritable) { try reader.send(fileDescriptor: 0) }
    assertThrows(ConnectionError.notReadable) { try writer.receive(Int.self) }
    assertThrows(ConnectionError.notReadable) { try writer.receiveBytes() }
    assertThrows(ConnectionError.notReadable) { try writer.receiveFileDescriptor() }
    assertThrows(ConnectionError.notReadable) { try writer.poll() }
    // The kernel knows as well.
    XCTAssertEqual(Glibc.send(reader.fileDescriptor, "x", 1, Int32(MSG_NOSIGNAL)), -1)
    XCTAssertEqual(errno, EPIPE)
    try writer.send("through")
    XCTAssertEqual(try reader.receive(String.self), "through")
  }

  func testClosingLeavesAWaitingThreadItsMessage() throws {
    for _ in 0..<50 {
      let (first, second) = try Connection.pair()
      let number = second.fileDescriptor
      let waiting = Flag()
      nonisolated(unsafe) var received: Result<Int, any Error>?
      let thread = TestThread {
        waiting.raise()
        received = Result { try second.receive(Int.self) }
      }
      XCTAssertTrue(eventually { waiting.isRaised })
      second.close()
      assertThrows(ConnectionError.closed) { try second.send(1) }
      // A number that is still in use is not given to anybody else. (A thread that came too late holds none.)
      _ = try? first.send(42)
      thread.join()
      switch received {
      case .success(let value): XCTAssertEqual(value, 42)
      case .failure(let error): XCTAssertEqual(error as? ConnectionError, .closed)
      case nil: XCTFail("no outcome")
      }
      // Another thread of the runner may have the number for a moment.
      XCTAssertTrue(eventually { fcntl(number, F_GETFD) == -1 }, "the last user closes the descriptor")
      first.close()
    }
  }

  func testAChildMayCloseWhatItsParentIsStillClosing() throws {
    let (first, second) = try Connection.pair()
    let number = second.fileDescriptor
    let waiting = Flag()
    let thread = TestThread {
      waiting.raise()
      _ = try? second.receive(Int.self)
    }
    XCTAssertTrue(eventually { waiting.isRaised })
    second.close()
    let child = Process { () -> Bool in
      second.close()
      return fcntl(number, F_GETFD) == -1
    }
    try child.start()
    XCTAssertTrue(try child.result())
    try? first.send(1)
    thread.join()
  }

  func testAChildsCloseIsItsOwn() throws {
    let (first, second) = try Connection.pair()
    // A thread of the parent's is in the middle of a call when the child is made.
    let thread = TestThread { _ = try? second.receive(Int.self) }
    let child = Process { () -> Bool in
      let number = second.fileDescriptor
      second.close()
      return fcntl(number, F_GETFD) == -1
    }
    try child.start()
    XCTAssertTrue(try child.result(), "a thread that is not in the child keeps no descriptor there")
    try first.send(1)
    thread.join()
    try first.send(2)
    XCTAssertEqual(try second.receive(Int.self), 2)
  }

  // MARK: Many at once

  func testSeveralWritersAndReadersTearNothing() throws {
    let (reader, writer) = try Connection.pair(duplex: false)
    let (results, resultWriter) = try Connection.pair(duplex: false)
    let perWriter = 300
    @Sendable func length(_ number: Int) -> Int {
      number.isMultiple(of: 17) ? number % 2 * 1_500_000 + 150_000 : number % 3000
    }
    let writers = (0..<3).map { index in
      Process {
        for number in 0..<perWriter {
          try writer.sendBytes([UInt8](repeating: UInt8(index * 50 + number % 50), count: length(number)))
        }
      }
    }
    let readers = (0..<3).map { _ in
      Process {
        writer.close()
        while true {
          do {
            let bytes = try reader.receiveBytes()
            try resultWriter.send(bytes.allSatisfy { $0 == bytes[0] } ? bytes.count : -1)
          } catch ConnectionError.peerClosed {
            return
          }
        }
      }
    }
    for process in writers + readers { try process.start() }
    writer.close()
    reader.close()
    resultWriter.close()
    var counts: [Int] = []
    while let count = try? results.receive(Int.self) { counts.append(count) }
    for process in writers + readers {
      try process.join()
      XCTAssertEqual(process.exitCode, 0)
    }
    let expected = (0..<perWriter).map(length) + (0..<perWriter).map(length) + (0..<perWriter).map(length)
    XCTAssertEqual(counts.sorted(), expected.sorted())
  }

  func testThreadsShareAnEnd() throws {
    for (first, second) in try [Connection.pair(), Self.connected(over: .tcp(host: "localhost", port: 0))] {
      let sums = concurrently(4) { number -> Int in
        if number < 2 {
          for value in 0..<500 { try? first.sendBytes([UInt8](repeating: UInt8(value % 200), count: value)) }
          return 0
        }
        return (0..<500).reduce(0) { sum, _ in
          guard let bytes = try? second.receiveBytes(), bytes.allSatisfy({ $0 == bytes[0] }) else { return sum }
          return sum + bytes.count
        }
      }
      XCTAssertEqual(sums.reduce(0, +), 500 * 499)
    }
  }

  static func connected(over address: Address) throws -> (Connection, Connection) {
    let listener = try Listener(address)
    let client = try Connection.connect(to: listener.address, timeout: .seconds(60))
    return (client, try listener.accept(timeout: .seconds(60)))
  }
}
