import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// Who closes a descriptor, and when.
final class OpenSocketTests: AuditedTestCase {
  /// The writing end of a pipe: the other end tells when it is closed, whoever gets its number then.
  private func make() -> (OpenSocket, Int32) {
    var ends: [Int32] = [-1, -1]
    XCTAssertEqual(pipe(&ends), 0)
    close(reader)
    reader = ends[0]
    return (OpenSocket(owning: ends[1]), ends[1])
  }

  private var reader: Int32 = -1
  private var isOpen: Bool { !waitReadable(reader, within: 0) }

  override func tearDownWithError() throws {
    close(reader)
    try super.tearDownWithError()
  }

  func testTheLastUserCloses() throws {
    let (socket, raw) = make()
    XCTAssertEqual(socket.enter(), raw)
    XCTAssertEqual(socket.enter(), raw)
    socket.close()
    socket.close()
    XCTAssertTrue(socket.isClosed)
    XCTAssertNil(socket.enter())
    XCTAssertNil(socket.raw)
    XCTAssertTrue(isOpen)
    socket.leave()
    XCTAssertTrue(isOpen)
    socket.leave()
    XCTAssertFalse(isOpen)
  }

  func testWithoutUsersItClosesAtOnce() throws {
    let (socket, _) = make()
    socket.close()
    XCTAssertFalse(isOpen)
  }

  func testTheObjectsEndCloses() throws {
    var socket: OpenSocket?
    (socket, _) = make()
    XCTAssertNotNil(socket?.raw)
    XCTAssertTrue(isOpen)
    socket = nil
    XCTAssertFalse(isOpen)
  }

  func testUsersAndClosersFromEverywhere() throws {
    for _ in 0..<300 {
      let (socket, raw) = make()
      let wrong = concurrently(4) { number -> Int in
        if number == 3 {
          socket.close()
          return 0
        }
        return (0..<50).count { _ in
          guard let entered = socket.enter() else { return false }
          defer { socket.leave() }
          return entered != raw || fcntl(raw, F_GETFD) < 0
        }
      }
      XCTAssertEqual(wrong, [0, 0, 0, 0])
      XCTAssertFalse(isOpen)
    }
  }
}
