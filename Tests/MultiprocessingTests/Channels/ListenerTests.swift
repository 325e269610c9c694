import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Listeners and those who connect to them, whether they are related or not.
final class ListenerTests: AuditedTestCase {
  private static let key = Array("a key of both sides".utf8)

  /// An address of each kind that nobody else uses.
  private func addresses() -> [Address] {
    [
      .unix(path: "/tmp/multiprocessing-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"),
      .abstract(name: "multiprocessing-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"),
      .tcp(host: "127.0.0.1", port: 0), .tcp(host: "localhost", port: 0), .tcp(host: "", port: 0),
    ]
  }

  private let longest = Duration.seconds(60)

  // MARK: Meeting

  func testEveryAddressWithAndWithoutAKey() throws {
    for address in addresses() {
      for key in [nil, Self.key] {
        let listener = try Listener(address, authKey: key)
        let found = listener.address
        let child = Process {
          let connection = try Connection.connect(to: found, authKey: key)
          try connection.send("hello \(try connection.receive(Int.self))")
        }
        try child.start()
        let connection = try listener.accept(timeout: longest)
        try connection.send(5)
        XCTAssertEqual(try connection.receive(String.self), "hello 5", "\(address)")
        try child.join()
        listener.close()
      }
    }
  }

  func testThePortIsTheRealOne() throws {
    let listener = try Listener(.tcp(host: "localhost", port: 0))
    guard case .tcp("localhost", let port) = listener.address else { return XCTFail("\(listener.address)") }
    XCTAssertNotEqual(port, 0)
    assertThrows(ConnectionError.system(errno: EADDRINUSE)) { try Listener(listener.address) }
  }

  func testConnectionsWaitToBeAccepted() throws {
    for address in addresses() {
      let listener = try Listener(address, backlog: 8)
      let clients = try (0..<5).map { number in
        let client = try Connection.connect(to: listener.address, timeout: longest)
        try client.send(number)
        return client
      }
      let accepted = try clients.map { _ in try listener.accept(timeout: longest) }
      XCTAssertEqual(try accepted.map { try $0.receive(Int.self) }.sorted(), [0, 1, 2, 3, 4])
    }
  }

  func testChildrenAcceptFromAnInheritedListener() throws {
    for address in addresses().prefix(3) {
      let listener = try Listener(address)
      let servers = (0..<3).map { _ in
        Process {
          let connection = try listener.accept()
          try connection.send(currentProcess().pid)
        }
      }
      for server in servers { try server.start() }
      let pids = try servers.map { _ in
        try Connection.connect(to: listener.address, timeout: longest).receive(Int32.self, timeout: longest)
      }
      XCTAssertEqual(Set(pids), Set(servers.compactMap(\.pid)))
      for server in servers { try server.join() }
    }
  }

  func testNobodyListens() throws {
    assertThrows(ConnectionError.system(errno: ENOENT)) {
      try Connection.connect(to: .unix(path: "/tmp/multiprocessing-nobody"))
    }
    for address in addresses().dropFirst() {
      let listener = try Listener(address)
      let found = listener.address
      listener.close()
      assertThrows(ConnectionError.system(errno: ECONNREFUSED)) { try Connection.connect(to: found) }
    }
  }

  func testTime() throws {
    for address in addresses() {
      let listener = try Listener(address, backlog: 0)
      XCTAssertNotNil(thrown(TimeoutError.self) { try listener.accept(timeout: .zero) })
      let error = thrown(TimeoutError.self) { try listener.accept(timeout: .milliseconds(20)) }
      XCTAssertEqual(error?.timeout, .milliseconds(20))
    }
    // Nobody accepts: those that wait are as many as may.
    let listener = try Listener(addresses()[1], backlog: 0)
    let first = try Connection.connect(to: listener.address, timeout: longest)
    XCTAssertNotNil(
      thrown(TimeoutError.self) { try Connection.connect(to: listener.address, timeout: .milliseconds(50)) })
    _ = first
  }

  // MARK: Paths

  func testAPathGoesWithItsListener() throws {
    guard case .unix(let path) = addresses()[0] else { return }
    func exists() -> Bool { access(path, F_OK) == 0 }
    do {
      let listener = try Listener(.unix(path: path))
      XCTAssertTrue(exists())
      assertThrows(ConnectionError.system(errno: EADDRINUSE)) { try Listener(.unix(path: path)) }
      // A child's copy is not the one that made it.
      let child = Process { listener.close() }
      try child.start()
      try child.join()
      XCTAssertTrue(exists())
      XCTAssertNoThrow(try Connection.connect(to: listener.address))
      listener.close()
      XCTAssertFalse(exists())
    }
    do { _ = try Listener(.unix(path: path)) }
    XCTAssertFalse(exists(), "the last reference closes it")
  }

  func testTheFileOfADeadProgramIsReplaced() throws {
    guard case .unix(let path) = addresses()[0] else { return }
    let child = Process {
      let listener = try Listener(.unix(path: path))
      try withExtendedLifetime(listener) { try Signal.kill.raise() }
    }
    try child.start()
    try child.join()
    XCTAssertEqual(access(path, F_OK), 0)
    assertThrows(ConnectionError.system(errno: ECONNREFUSED)) { try Connection.connect(to: .unix(path: path)) }
    let listener = try Listener(.unix(path: path))
    XCTAssertNoThrow(try Connection.connect(to: listener.address))
  }

  func testOneOfManySuccessorsReplacesIt() throws {
    guard case .unix(let path) = addresses()[0] else { return }
    defer { unlink(path) }
    for _ in 0..<50 {
      let gate = Gate()
      let dead = Process {
        let listener = try Listener(.unix(path: path))
        try withExtendedLifetime(listener) { try Signal.kill.raise() }
      }
      try dead.start()
      try dead.join()
      let (outcomes, end) = (Mailbox(), Gate())
      let successors = (0..<3).map { _ in
        Process {
          gate.pass()
          let listener = try? Listener(.unix(path: path))
          outcomes.post(listener == nil ? "refused" : "listens")
          end.pass()
          withExtendedLifetime(listener) {}
        }
      }
      for process in successors { try process.start() }
      gate.open(3)
      let told = try (0..<3).map { _ in try outcomes.next() }
      XCTAssertEqual(told.sorted(), ["listens", "refused", "refused"])
      XCTAssertNoThrow(try Connection.connect(to: .unix(path: path)))
      end.open(3)
      for process in successors { try process.result() }
      XCTAssertNotEqual(access(path, F_OK), 0)
    }
  }

  func testAFolderThatIsLockedForeverHoldsNobodyUp() throws {
    guard case .unix(let path) = addresses()[0] else { return }
    let folder = path + "-folder"
    XCTAssertEqual(mkdir(folder, 0o700), 0)
    defer { rmdir(folder) }
    let stranger = open(folder, O_RDONLY | O_DIRECTORY)
    defer { close(stranger) }
    XCTAssertEqual(flock(stranger, LOCK_EX), 0)
    let listener = try Listener(.unix(path: folder + "/socket"))
    XCTAssertNoThrow(try Connection.connect(to: listener.address))
    listener.close()
  }

  func testAFileThatIsNoSocketStays() throws {
    guard case .unix(let path) = addresses()[0] else { return }
    close(open(path, O_CREAT | O_WRONLY, 0o600))
    defer { unlink(path) }
    assertThrows(ConnectionError.system(errno: EADDRINUSE)) { try Listener(.unix(path: path)) }
    XCTAssertEqual(access(path, F_OK), 0)
  }

  func testNamesThatCannotBe() throws {
    let long = String(repeating: "x", count: 200)
    for (address, error) in [
      (Address.unix(path: ""), EINVAL), (.unix(path: "a\0b"), EINVAL), (.unix(path: long), ENAMETOOLONG),
      (.abstract(name: ""), EINVAL), (.abstract(name: long), ENAMETOOLONG), (.tcp(host: "a\0b", port: 1), EINVAL),
      (.tcp(host: "192.0.2.1", port: 0), EADDRNOTAVAIL), (.unix(path: "/no/such/folder/x"), ENOENT),
    ] {
      assertThrows(ConnectionError.system(errno: error)) { try Listener(address) }
    }
    assertThrows(ConnectionError.system(errno: EINVAL)) { try Listener(.abstract(name: "x"), authKey: []) }
    assertThrows(ConnectionError.system(errno: EINVAL)) { try Listener(.abstract(name: "x"), backlog: -1) }
    assertThrows(ConnectionError.system(errno: EINVAL)) {
      try Connection.connect(to: .abstract(name: "x"), authKey: [])
    }
  }

  func testAClosedListenerRefuses() throws {
    let listener = try Listener(addresses()[1])
    listener.close()
    listener.close()
    XCTAssertTrue(listener.isClosed)
    assertThrows(ConnectionError.closed) { try listener.accept() }
    assertThrows(ConnectionError.closed) { try waitAny([listener]) }
  }

  // MARK: Keys

  func testAnotherKeyIsRefusedByBothSides() throws {
    for address in addresses() {
      let listener = try Listener(address, authKey: Self.key)
      let found = listener.address
      let child = Process { () -> Bool in
        do {
          _ = try Connection.connect(to: found, authKey: [1, 2, 3])
          return false
        } catch ConnectionError.authenticationFailed {
          return true
        }
      }
      try child.start()
      assertThrows(ConnectionError.authenticationFailed) { try listener.accept(timeout: longest) }
      XCTAssertTrue(try child.result())
      // The listener goes on.
      let honest = Process { try Connection.connect(to: found, authKey: Self.key).send("in") }
      try honest.start()
      XCTAssertEqual(try listener.accept(timeout: longest).receive(String.self), "in")
      try honest.join()
    }
  }

  func testAPeerWithoutAKeyIsRefused() throws {
    for address in addresses() {
      let listener = try Listener(address, authKey: Self.key)
      let stranger = try Connection.connect(to: listener.address)
      try stranger.send("let me in")
      assertThrows(ConnectionError.authenticationFailed) { try listener.accept(timeout: longest) }
      let gone = try Connection.connect(to: listener.address)
      gone.close()
      assertThrows(ConnectionError.authenticationFailed) { try listener.accept(timeout: longest) }
    }
  }

  func testASilentPeerIsGivenUp() throws {
    for address in addresses() {
      let listener = try Listener(address, authKey: Self.key)
      let silent = try Connection.connect(to: listener.address)
      assertThrows(ConnectionError.authenticationFailed) { try listener.accept(timeout: .milliseconds(50)) }
      // What is asked for is told from a message.
      assertThrows(ConnectionError.authenticationFailed) { try silent.receive(Int.self) }
    }
    let listener = try Listener(addresses()[1], authKey: Self.key)
    let silent = try Connection.connect(to: listener.address)
    // Without a timeout of its own the listener waits for seconds, not for ever.
    assertThrows(ConnectionError.authenticationFailed) { try listener.accept() }
    _ = silent
  }

  func testAListenerWithoutAKeyIsRefused() throws {
    for address in addresses() {
      let listener = try Listener(address)
      XCTAssertNotNil(
        thrown(TimeoutError.self) {
          try Connection.connect(to: listener.address, authKey: Self.key, timeout: .milliseconds(50))
        })
    }
  }
}

extension Signal {
  fileprivate func raise() throws { Glibc.raise(rawValue) }
}
