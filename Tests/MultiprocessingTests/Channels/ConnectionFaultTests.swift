#if DEBUG
  import CMultiprocessing
  import Glibc
  import TestSupport
  import XCTest

  @testable import Multiprocessing

  /// Every system call behind connections fails once, in each way that it may.
  final class ConnectionFaultTests: AuditedTestCase {
    private struct Wrong: Error {}

    /// What two ends do in one thread, and so in one order.
    private func talk(
      passesConnections: Bool = true, over connections: () throws -> (Connection, Connection)
    ) throws {
      let (first, second) = try connections()
      try first.send("small")
      guard try second.receive(String.self) == "small" else { throw Wrong() }
      for length in [0, 70_000, 1_500_000] {
        try first.sendBytes([UInt8](repeating: 5, count: length))
        guard try second.receiveBytes(timeout: .seconds(60)).count == length else { throw Wrong() }
      }
      if passesConnections {
        try first.send([second])
        guard try second.receive([Connection].self).count == 1 else { throw Wrong() }
      }
      try second.sendBytes([1])
      guard try waitAny([second, first], timeout: .seconds(60)).count == 1, try first.poll() else { throw Wrong() }
      guard try first.receiveBytes() == [1] else { throw Wrong() }
    }

    private func walk(_ errors: [Int32], _ body: () throws -> Void, check: (any Error) -> Bool) throws {
      defer { mp_fault_disarm() }
      mp_fault_arm(MP_SIDE_PARENT, -1, 0, 0)
      try body()
      var trace = [mp_call](repeating: MP_CALL_PIPE, count: Int(MP_FAULT_TRACE_CAPACITY))
      let count = Int(mp_fault_trace(MP_SIDE_PARENT, &trace, Int32(MP_FAULT_TRACE_CAPACITY)))
      mp_fault_disarm()
      XCTAssertGreaterThan(count, 10)
      XCTAssertLessThanOrEqual(count, trace.count)
      for index in 0..<count {
        for error in errors {
          let label = "call \(index) (\(trace[index].rawValue)) fails with \(error)"
          let before = Inventory.now()
          mp_fault_arm(MP_SIDE_PARENT, Int32(index), error, 1)
          do {
            try body()
          } catch let thrown {
            XCTAssertTrue(check(thrown), "\(label): \(thrown)")
          }
          mp_fault_disarm()
          XCTAssertEqual(Inventory.leaks(since: before), [], label)
        }
      }
    }

    func testAnInterruptionChangesNothing() throws {
      try walk([EINTR], { try talk { try Connection.pair() } }, check: { _ in false })
      let address = Address.tcp(host: "127.0.0.1", port: 0)
      try walk(
        [EINTR], { try talk(passesConnections: false) { try ConnectionTests.connected(over: address) } },
        check: { _ in false })
    }

    func testWhatTheSystemLacksIsAnError() throws {
      try walk(
        [EMFILE, ENOMEM, EIO], { try talk { try Connection.pair() } },
        check: {
          switch $0 {
          case ConnectionError.system(let errno): [EMFILE, ENOMEM, EIO].contains(errno)
          // The descriptor of a connection that arrived turned out to be none.
          case is DecodingError: true
          default: false
          }
        })
    }
  }
#endif
