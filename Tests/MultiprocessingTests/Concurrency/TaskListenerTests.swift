import Glibc
import Multiprocessing
import MultiprocessingEngine
import TestSupport
import XCTest

import class Multiprocessing.Process

/// Tasks that accept connections, and loop over messages.
final class TaskListenerTests: KeptTestCase {
  private static let key = Array("a key of both sides".utf8)

  private func addresses() -> [Address] {
    [
      .abstract(name: "multiprocessing-task-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"),
      .tcp(host: "127.0.0.1", port: 0),
    ]
  }

  func testEveryAddressWithAndWithoutAKey() async throws {
    for address in addresses() {
      for key in [nil, Self.key] {
        let (listener, gate) = (try Listener(address, authKey: key), Gate())
        let found = listener.address
        let child = Process {
          gate.pass()
          let connection = try Connection.connect(to: found, authKey: key)
          try connection.send("hello \(try connection.receive(Int.self))")
        }
        try child.start()
        let task = Task { try await listener.accept(timeout: .seconds(100)) }
        gate.open()
        let connection = try await task.value
        try connection.send(5)
        let answer = try await connection.receive(String.self, timeout: longest)
        XCTAssertEqual(answer, "hello 5", "\(address)")
        try await child.join()
        listener.close()
        let closed = await thrownError { try await listener.accept() }
        XCTAssertEqual(closed as? ConnectionError, .closed)
      }
    }
  }

  func testTimeoutsAndCancellation() async throws {
    for address in addresses() {
      let listener = try Listener(address, authKey: Self.key)
      for timeout in [Duration.seconds(-1), .zero, .milliseconds(20)] {
        let error = await thrownError { try await listener.accept(timeout: timeout) }
        XCTAssertEqual((error as? TimeoutError)?.timeout, max(timeout, .zero))
      }
      for delay in [0, 5] {
        let task = Task { try await listener.accept() }
        try await Task.sleep(for: .milliseconds(delay))
        task.cancel()
        let result = await task.result
        XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
      }
      // Nothing was taken from those who come later.
      let found = listener.address
      let child = Process { try Connection.connect(to: found, authKey: Self.key).send(1) }
      try child.start()
      let number = try await listener.accept(timeout: longest).receive(Int.self, timeout: longest)
      XCTAssertEqual(number, 1)
      try await child.join()
    }
  }

  /// A peer that says nothing, one that goes away, and one with another key.
  func testPeersThatDoNotShowTheKey() async throws {
    for address in addresses() {
      let listener = try Listener(address, authKey: Self.key)
      let silent = try Connection.connect(to: listener.address)
      // Cancelled while the peer is to answer: it is turned away.
      let task = Task { try await listener.accept() }
      _ = try silent.polls(longest)
      task.cancel()
      let result = await task.result
      XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
      let refused = await thrownError { try await silent.receive(Int.self, timeout: longest) }
      XCTAssertEqual(refused as? ConnectionError, .authenticationFailed)
      let gone = await thrownError { try await silent.receive(Int.self, timeout: longest) }
      XCTAssertEqual(gone as? ConnectionError, .peerClosed)
      try Connection.connect(to: listener.address).close()
      let left = await thrownError { try await listener.accept(timeout: longest) }
      XCTAssertEqual(left as? ConnectionError, .authenticationFailed)
      let found = listener.address
      let child = Process { try Connection.connect(to: found, authKey: [1, 2, 3]).send(1) }
      try child.start()
      let wrong = await thrownError { try await listener.accept(timeout: longest) }
      XCTAssertEqual(wrong as? ConnectionError, .authenticationFailed)
      let error = await thrownError { try await child.value }
      XCTAssertEqual(error as? ConnectionError, .authenticationFailed)
    }
  }

  func testALoopOverConnections() async throws {
    let listener = try Listener(addresses()[0], authKey: Self.key)
    let found = listener.address
    let children = (0..<4).map { number in
      Process { try Connection.connect(to: found, authKey: number == 2 ? [1] : Self.key).send(number) }
    }
    // One after the other: who comes when the listener is closed finds the copies that the children have.
    let starter = Task {
      for child in [children[2], children[0], children[1], children[3]] {
        try child.start()
        try await child.join()
      }
    }
    var numbers: [Int] = []
    for try await connection in listener.connections {
      numbers.append(try await connection.receive(Int.self))
      if numbers.count == 3 { listener.close() }
    }
    XCTAssertEqual(numbers, [0, 1, 3])
    try await starter.value
  }

  func testTheLoopOverConnectionsThatBlocks() throws {
    let listener = try Listener(addresses()[0])
    let clients = try (0..<3).map { _ in try Connection.connect(to: listener.address, timeout: longest) }
    var count = 0
    for connection in listener.connections {
      try connection.send(count)
      count += 1
      if count == clients.count { listener.close() }
    }
    XCTAssertEqual(try clients.map { try $0.receive(Int.self, timeout: longest) }, [0, 1, 2])
  }

  // MARK: Messages

  func testSeveralReceiversOfOneEndMissNothing() async throws {
    let listener = try Listener(.tcp(host: "127.0.0.1", port: 0))
    async let accepted = listener.accept()
    let (sender, receiver) = (try Connection.connect(to: listener.address), try await accepted)
    for _ in 0..<300 {
      let numbers = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<3 { group.addTask { try await receiver.receive(Int.self, timeout: .seconds(60)) } }
        for number in 0..<3 { try sender.send(number) }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      XCTAssertEqual(numbers.sorted(), [0, 1, 2])
    }
  }

  func testSeveralThreadsThatReceiveMissNothing() throws {
    let listener = try Listener(.tcp(host: "127.0.0.1", port: 0))
    let sender = try Connection.connect(to: listener.address)
    let receiver = try listener.accept()
    for _ in 0..<300 {
      let numbers = concurrently(4) { place -> Int? in
        if place < 3 { return try? receiver.receive(Int.self, timeout: .seconds(60)) }
        for number in 0..<3 { try? sender.send(number) }
        return nil
      }
      XCTAssertEqual(numbers[..<3].compactMap { $0 }.sorted(), [0, 1, 2])
    }
  }

  func testMessagesUntilThePeerHasClosed() async throws {
    for isDuplex in [true, false] {
      let (ours, theirs) = try Connection.pair(duplex: isDuplex)
      let child = Process(
        target: { (connection: Connection) in for number in 0..<100 { try connection.send(number) } }, args: (theirs))
      try child.start()
      theirs.close()
      var numbers: [Int] = []
      for try await number in ours.messages(of: Int.self) { numbers.append(number) }
      XCTAssertEqual(numbers, Array(0..<100))
      try await child.join()
    }
  }

  func testBytesOverTCP() async throws {
    let listener = try Listener(.tcp(host: "127.0.0.1", port: 0))
    let found = listener.address
    let long = [UInt8](repeating: 7, count: 3_000_000)
    let child = Process {
      let connection = try Connection.connect(to: found)
      for bytes in [[], [1], long, [2, 3]] { try connection.sendBytes(bytes) }
    }
    try child.start()
    let connection = try await listener.accept(timeout: longest)
    let first = try await connection.receiveBytes(timeout: longest)
    XCTAssertEqual(first, [])
    var messages: [[UInt8]] = []
    for try await bytes in connection.byteMessages() { messages.append(bytes) }
    XCTAssertEqual(messages, [[1], long, [2, 3]])
    try await child.join()
  }

  func testErrorsAndCancellationEndTheLoop() async throws {
    let (ours, theirs) = try Connection.pair()
    try theirs.sendBytes([1, 2, 3])
    let long = await thrownError { for try await _ in ours.byteMessages(maxLength: 2) {} }
    XCTAssertEqual(long as? ConnectionError, .messageTooLong(3))
    try theirs.send("text")
    let wrong = await thrownError { for try await _ in ours.messages(of: Int.self) {} }
    XCTAssert(wrong is DecodingError, "\(String(describing: wrong))")
    let task = Task { for try await _ in ours.messages(of: Int.self) {} }
    try await Task.sleep(for: .milliseconds(2))
    task.cancel()
    let result = await task.result
    XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
    try theirs.send(1)
    let number = try await ours.receive(Int.self)
    XCTAssertEqual(number, 1)
  }

  func testTheLoopThatBlocks() throws {
    let (ours, theirs) = try Connection.pair()
    for number in 0..<10 { try theirs.send(number) }
    theirs.close()
    XCTAssertEqual(Array(ours.messages(of: Int.self)), Array(0..<10))
  }

  /// What a child's body throws when it is cancelled.
  func testACancellationCrosses() async throws {
    let child = Process { () async throws -> Int in throw CancellationError() }
    try child.start()
    let error = await thrownError { try await child.value }
    XCTAssert(error is CancellationError, "\(String(describing: error))")
  }
}

extension Connection {
  /// The blocking one.
  fileprivate func polls(_ timeout: Duration) throws -> Bool { try poll(timeout: timeout) }
}
