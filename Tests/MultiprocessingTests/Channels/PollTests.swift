import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What poll sees and leaves alone, and what happens around a connection's beginning and end: the cases that users of Python's
/// `multiprocessing` have come to rely on.
final class PollTests: AuditedTestCase {
  func testAnEmptyMessageIsOne() throws {
    let (first, second) = try Connection.pair()
    XCTAssertFalse(try first.poll())
    try second.sendBytes([])
    XCTAssertTrue(try first.poll())
    XCTAssertTrue(try first.poll())
    XCTAssertEqual(try first.receiveBytes(), [])
    XCTAssertFalse(try first.poll())
  }

  func testMessagesAreNotMerged() throws {
    let texts = ["hello", "", "a", "b", "", "bye", "", "lop"].map { Array($0.utf8) }
    for (first, second) in try [Connection.pair(), ConnectionTests.connected(over: .tcp(host: "localhost", port: 0))] {
      for text in texts { try second.sendBytes(text) }
      for text in texts {
        XCTAssertTrue(try first.poll(timeout: .seconds(60)))
        XCTAssertTrue(try first.poll(timeout: .zero))
        XCTAssertEqual(try first.receiveBytes(), text)
      }
      XCTAssertFalse(try first.poll())
    }
  }

  /// Another process that polls the same end takes nothing away.
  func testPollTakesNothing() throws {
    let (reader, writer) = try Connection.pair(duplex: false)
    let child = Process { try reader.poll(timeout: nil) }
    try child.start()
    try writer.sendBytes(Array("first".utf8))
    try writer.sendBytes(Array("second".utf8))
    XCTAssertTrue(try child.result())
    XCTAssertEqual(try reader.receiveBytes(), Array("first".utf8))
    XCTAssertEqual(try reader.receiveBytes(), Array("second".utf8))
  }

  func testPollSeesALongMessage() throws {
    let (first, second) = try Connection.pair()
    try second.sendBytes([UInt8](repeating: 4, count: 3_000_000))
    XCTAssertTrue(try first.poll())
    XCTAssertTrue(try first.poll())
    XCTAssertEqual(try first.receiveBytes().count, 3_000_000)
    XCTAssertFalse(try first.poll())
  }

  // MARK: Beginnings and ends

  /// The parent's copy is closed while the child is only beginning.
  func testClosingRightAfterTheStart() throws {
    for _ in 0..<20 {
      let (ours, theirs) = try Connection.pair()
      let child = Process { try theirs.send("hello") }
      try child.start()
      theirs.close()
      XCTAssertEqual(try ours.receive(String.self), "hello")
      try child.join()
    }
  }

  /// A client that has come, spoken and gone before anybody accepts is heard all the same.
  func testAClientThatIsGoneBeforeItIsAccepted() throws {
    for address in [Address.tcp(host: "127.0.0.1", port: 0), .abstract(name: "multiprocessing-gone-\(getpid())")] {
      let listener = try Listener(address)
      let found = listener.address
      let child = Process { try Connection.connect(to: found).send("hello") }
      try child.start()
      try child.join()
      XCTAssertEqual(child.exitCode, 0)
      let connection = try listener.accept(timeout: .seconds(60))
      XCTAssertTrue(try connection.poll())
      XCTAssertEqual(try connection.receive(String.self), "hello")
      assertThrows(ConnectionError.peerClosed) { try connection.receive(String.self) }
    }
  }

  func testADescriptorOfALargeNumber() throws {
    let (ours, theirs) = try Connection.pair()
    let file = TemporaryFile()
    let child = Process {
      ours.close()
      let descriptor = try theirs.receiveFileDescriptor()
      _ = write(descriptor, "written", 7)
    }
    try child.start()
    theirs.close()
    let large = fcntl(file.descriptor, F_DUPFD_CLOEXEC, 700)
    XCTAssertGreaterThanOrEqual(large, 700)
    try ours.send(fileDescriptor: large)
    close(large)
    try child.join()
    XCTAssertEqual(file.text, "written")
  }

  /// A child that is forked while another thread sends and receives long messages keeps none of their files.
  func testForksAmongLongMessages() throws {
    let (first, second) = try Connection.pair()
    let done = Flag()
    let thread = TestThread {
      while !done.isRaised {
        try? first.sendBytes([UInt8](repeating: 1, count: 2_000_000))
        _ = try? second.receiveBytes()
      }
    }
    for _ in 0..<50 {
      let child = Process {
        (0..<200).filter { number in
          var path = [CChar](repeating: 0, count: 200)
          let length = readlink("/proc/self/fd/\(number)", &path, path.count)
          let target = path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
          return String(decoding: target, as: UTF8.self).contains("memfd:multiprocessing")
        }
      }
      try child.start()
      XCTAssertEqual(try child.result(), [])
    }
    done.raise()
    thread.join()
  }
}
