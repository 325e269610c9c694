import Glibc
import Multiprocessing
import TestSupport
import XCTest

final class WaitAnyTests: AuditedTestCase {
  private let longest = Duration.seconds(60)

  private func same(_ first: [any Waitable], _ second: [any Waitable]) -> Bool {
    first.map { ObjectIdentifier($0) } == second.map { ObjectIdentifier($0) }
  }

  func testConnectionsListenersAndProcessesTogether() throws {
    let (ours, theirs) = try Connection.pair()
    let listener = try Listener(.tcp(host: "127.0.0.1", port: 0))
    let gate = Gate()
    let child = Process { gate.pass() }
    try child.start()
    let all: [any Waitable] = [child, listener, ours]
    XCTAssertTrue(try waitAny(all, timeout: .zero).isEmpty)
    XCTAssertTrue(try waitAny(all, timeout: .milliseconds(20)).isEmpty)
    try theirs.send(1)
    XCTAssertTrue(same(try waitAny(all), [ours]))
    let client = try Connection.connect(to: listener.address)
    XCTAssertTrue(same(try waitAny(all), [listener, ours]))
    gate.open()
    XCTAssertTrue(eventually { (try? self.same(waitAny(all), all)) == true })
    try child.join()
    XCTAssertTrue(same(try waitAny(all), all), "an ended process stays ready")
    XCTAssertEqual(try ours.receive(Int.self), 1)
    let accepted = try listener.accept()
    XCTAssertTrue(same(try waitAny(all), [child]))
    XCTAssertTrue(same(try waitAny([ours, child, child, ours]), [child, child]))
    _ = (client, accepted)
  }

  func testMessagesOfSeveralChildren() throws {
    let pairs = try (0..<4).map { _ in try Connection.pair(duplex: false) }
    let children = pairs.enumerated().map { index, pair in
      Process { for number in 0..<50 { try pair.1.send(index * 100 + number) } }
    }
    for (child, pair) in zip(children, pairs) {
      try child.start()
      pair.1.close()
    }
    var open = pairs.map(\.0)
    var received: [Int] = []
    while !open.isEmpty {
      for object in try waitAny(open) {
        guard let connection = object as? Connection else { return XCTFail("\(object)") }
        do {
          received.append(try connection.receive())
        } catch ConnectionError.peerClosed {
          open.removeAll { $0 === connection }
        }
      }
    }
    XCTAssertEqual(received.sorted(), (0..<4).flatMap { index in (0..<50).map { index * 100 + $0 } })
    for child in children { try child.join() }
  }

  func testAMessageThatIsInTheProcessAlready() throws {
    let (client, server) = try ConnectionTests.connected(over: .tcp(host: "localhost", port: 0))
    for number in 0..<3 { try client.send(number) }
    // One read brings all three.
    XCTAssertTrue(eventually { (try? server.poll()) == true })
    for number in 0..<3 {
      XCTAssertTrue(same(try waitAny([server], timeout: longest), [server]))
      XCTAssertEqual(try server.receive(Int.self), number)
    }
    XCTAssertTrue(try waitAny([server], timeout: .zero).isEmpty)
    client.close()
    XCTAssertTrue(same(try waitAny([server]), [server]))
  }

  func testPartOfAMessageIsNone() throws {
    let (client, server) = try ConnectionTests.connected(over: .tcp(host: "localhost", port: 0))
    // A header of 16 bytes that tells of four, and two of these.
    let message: [UInt8] = [0xC3, 2, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9]
    XCTAssertEqual(write(client.fileDescriptor, message, 18), 18)
    XCTAssertTrue(try waitAny([server], timeout: .milliseconds(50)).isEmpty)
    XCTAssertFalse(try server.poll(timeout: .milliseconds(20)))
    XCTAssertNotNil(thrown(TimeoutError.self) { try server.receiveBytes(timeout: .milliseconds(20)) })
    XCTAssertEqual(write(client.fileDescriptor, [9, 9] as [UInt8], 2), 2)
    XCTAssertTrue(same(try waitAny([server]), [server]))
    XCTAssertEqual(try server.receiveBytes(), [9, 9, 9, 9])
  }

  func testMisuse() throws {
    XCTAssertTrue(try waitAny([]).isEmpty)
    let (reader, writer) = try Connection.pair(duplex: false)
    assertThrows(ConnectionError.notReadable) { try waitAny([reader, writer]) }
    reader.close()
    assertThrows(ConnectionError.closed) { try waitAny([reader]) }
    let child = Process {}
    assertThrows(ProcessError.notStarted) { try waitAny([child]) }
    try child.start()
    XCTAssertEqual(try waitAny([child], timeout: longest).count, 1)
    let grandchild = Process { () -> Bool in
      do {
        _ = try waitAny([child])
        return false
      } catch ProcessError.notParent {
        return true
      }
    }
    try grandchild.start()
    XCTAssertTrue(try grandchild.result())
    try child.join()
    try child.close()
    assertThrows(ProcessError.closed) { try waitAny([child]) }
  }
}
