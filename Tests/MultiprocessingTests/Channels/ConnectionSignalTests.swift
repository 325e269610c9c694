import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Every call that blocks, under a timer that interrupts it a thousand times a second.
final class ConnectionSignalTests: AuditedTestCase {
  private func withStorm(_ body: () throws -> Void) throws {
    let before = SignalStorm.strikes
    try SignalStorm.rage(every: 1000, body)
    XCTAssertGreaterThan(SignalStorm.strikes, before, "no signal came")
  }

  /// A message that comes only after many interruptions of whoever waits for it.
  private func late(_ connection: Connection, _ body: () throws -> Void) throws {
    let thread = TestThread {
      SignalStorm.outlast(20)
      try? connection.send(7)
    }
    try body()
    thread.join()
  }

  private func pairs() throws -> [(Connection, Connection)] {
    try [Connection.pair(), ConnectionTests.connected(over: .tcp(host: "localhost", port: 0))]
  }

  func testReceivingAndPolling() throws {
    try withStorm {
      for (first, second) in try pairs() {
        try late(first) { XCTAssertEqual(try second.receive(Int.self), 7) }
        try late(first) { XCTAssertEqual(try second.receive(Int.self, timeout: .seconds(60)), 7) }
        try late(first) { XCTAssertTrue(try second.poll(timeout: nil)) }
        XCTAssertEqual(try second.receive(Int.self), 7)
        try late(first) { XCTAssertEqual(try waitAny([second]).count, 1) }
        XCTAssertEqual(try second.receive(Int.self), 7)
        XCTAssertNotNil(thrown(TimeoutError.self) { try second.receive(Int.self, timeout: .milliseconds(30)) })
        XCTAssertFalse(try second.poll(timeout: .milliseconds(30)))
        XCTAssertTrue(try waitAny([second], timeout: .milliseconds(30)).isEmpty)
      }
    }
  }

  func testSendingToASlowReader() throws {
    try withStorm {
      for (first, second) in try pairs() {
        let total = 300
        let thread = TestThread {
          SignalStorm.outlast(20)
          for number in 0..<total {
            guard let bytes = try? second.receiveBytes() else { return XCTFail("message \(number)") }
            XCTAssertTrue(bytes == [UInt8](repeating: UInt8(number % 100), count: 60_000 + number * 100))
          }
        }
        for number in 0..<total {
          try first.sendBytes([UInt8](repeating: UInt8(number % 100), count: 60_000 + number * 100))
        }
        thread.join()
      }
    }
  }

  func testConnectingAndAccepting() throws {
    let key: [UInt8] = [1, 2, 3]
    try withStorm {
      for address in [Address.tcp(host: "127.0.0.1", port: 0), .abstract(name: "multiprocessing-storm-\(getpid())")] {
        let listener = try Listener(address, backlog: 0, authKey: key)
        let found = listener.address
        let thread = TestThread {
          SignalStorm.outlast(20)
          for _ in 0..<10 {
            guard let connection = try? Connection.connect(to: found, authKey: key) else {
              return XCTFail("no connection")
            }
            XCTAssertEqual(try? connection.receive(Int.self), 3)
          }
        }
        for _ in 0..<10 {
          let connection = try listener.accept()
          try connection.send(3)
          // The peer is done with it before it is closed.
          XCTAssertTrue(try connection.poll(timeout: nil))
        }
        thread.join()
        XCTAssertNotNil(thrown(TimeoutError.self) { try listener.accept(timeout: .milliseconds(30)) })
      }
    }
  }

  func testWaitingForARoomAmongThoseWhoWait() throws {
    try withStorm {
      let listener = try Listener(.abstract(name: "multiprocessing-storm-room-\(getpid())"), backlog: 0)
      let first = try Connection.connect(to: listener.address)
      let thread = TestThread {
        SignalStorm.outlast(20)
        XCTAssertNotNil(try? listener.accept())
        XCTAssertNotNil(try? listener.accept())
      }
      let second = try Connection.connect(to: listener.address)
      thread.join()
      _ = (first, second)
    }
  }
}
