import Glibc
import Multiprocessing
import TestSupport
import XCTest

import class Multiprocessing.Process

/// Tasks that wait for messages and for whatever comes first.
final class ParentReceiveTests: TaskTestCase {
  private func thrownError(_ body: () async throws -> some Any) async -> (any Error)? {
    do {
      _ = try await body()
      return nil
    } catch {
      return error
    }
  }

  func testMessagesOfAllKinds() async throws {
    let (ours, theirs) = try Connection.pair()
    let child = Process(
      target: { (connection: Connection) in
        for _ in 0..<3 { try connection.send(try connection.receive(Int.self) * 2) }
        try connection.sendBytes([1, 2, 3])
        try connection.send(fileDescriptor: 0)
      }, args: (theirs))
    try child.start()
    theirs.close()
    for number in 0..<3 {
      try ours.send(number)
      let answer = try await ours.receive(Int.self)
      XCTAssertEqual(answer, 2 * number)
    }
    let bytes = try await ours.receiveBytes(timeout: .seconds(60))
    XCTAssertEqual(bytes, [1, 2, 3])
    let descriptor = try await ours.receiveFileDescriptor()
    XCTAssertGreaterThanOrEqual(descriptor, 0)
    close(descriptor)
    let end = await thrownError { try await ours.receive(Int.self) }
    XCTAssertEqual(end as? ConnectionError, .peerClosed)
    try await child.join()
  }

  func testTimeoutsAndMisuse() async throws {
    let (reader, writer) = try Connection.pair(duplex: false)
    for timeout in [Duration.seconds(-1), .zero, .milliseconds(20)] {
      let error = await thrownError { try await reader.receive(Int.self, timeout: timeout) }
      XCTAssertEqual((error as? TimeoutError)?.timeout, max(timeout, .zero))
    }
    let direction = await thrownError { try await writer.receive(Int.self) }
    XCTAssertEqual(direction as? ConnectionError, .notReadable)
    let length = await thrownError { try await reader.receiveBytes(maxLength: -1) }
    XCTAssertEqual(length as? ConnectionError, .system(errno: EINVAL))
    reader.close()
    let closed = await thrownError { try await reader.receiveBytes() }
    XCTAssertEqual(closed as? ConnectionError, .closed)
  }

  func testCancellationLosesNoMessage() async throws {
    let (ours, theirs) = try Connection.pair()
    for round in 0..<50 {
      let task = Task { try await ours.receive(Int.self) }
      if round % 3 > 0 { try await Task.sleep(for: .microseconds(200)) }
      if round % 2 == 0 { try theirs.send(round) }
      task.cancel()
      switch await task.result {
      case .success(let number): XCTAssertEqual(number, round)
      case .failure(let error):
        XCTAssert(error is CancellationError, "\(error)")
        if round % 2 == 0 {
          let number = try await ours.receive(Int.self)
          XCTAssertEqual(number, round)
        }
      }
    }
  }

  /// Each of many messages reaches one of the tasks that wait at the same end.
  func testManyTasksAtOneEnd() async throws {
    let (ours, theirs) = try Connection.pair()
    let count = 100
    let numbers = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<count { group.addTask { try await ours.receive(Int.self) } }
      for number in 0..<count { try theirs.send(number) }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    XCTAssertEqual(numbers.sorted(), Array(0..<count))
  }

  // MARK: Whatever comes first

  func testWhateverComesFirst() async throws {
    let (ours, theirs) = try Connection.pair()
    let listener = try Listener(.abstract(name: "mp-wait-any-\(getpid())"))
    defer { listener.close() }
    let gate = Gate()
    let child = Process { gate.pass() }
    try child.start()
    let objects: [any Waitable] = [ours, child, listener]
    var ready = try await waitAny(objects, timeout: .milliseconds(20))
    XCTAssertEqual(ready.count, 0)
    ready = try await waitAny([])
    XCTAssertEqual(ready.count, 0)
    try theirs.send(1)
    ready = try await waitAny(objects)
    XCTAssert(ready.count == 1 && ready[0] === ours)
    let number = try await ours.receive(Int.self)
    XCTAssertEqual(number, 1)
    gate.open()
    ready = try await waitAny(objects)
    XCTAssert(ready.count == 1 && ready[0] === child)
    try await child.join()
    ready = try await waitAny(objects, timeout: .seconds(60))
    XCTAssert(ready.count == 1 && ready[0] === child)
  }

  func testCancellingAWaitForAny() async throws {
    let (ours, _) = try Connection.pair()
    let (mine, theirs) = try Connection.pair()
    let task = Task { try await waitAny([mine]).count }
    try await Task.sleep(for: .milliseconds(5))
    task.cancel()
    let result = await task.result
    XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
    theirs.close()
    let ready = try await waitAny([mine, ours])
    XCTAssertEqual(ready.count, 2)
  }
}
