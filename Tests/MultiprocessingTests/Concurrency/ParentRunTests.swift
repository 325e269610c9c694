import Glibc
import Multiprocessing
import TestSupport
import XCTest

import class Multiprocessing.Process

/// `Process.run` in a task: its child lives no longer than the call.
final class ParentRunTests: TaskTestCase {
  private struct Trouble: Error, Codable, Equatable {
    var number: Int
  }

  private func isGone(_ pid: Int32) -> Bool { processState(pid) == "gone" }

  func testBodiesOfAllKinds() async throws {
    let mailbox = Mailbox()
    let synchronous = try await Process.run { 6 * 7 }
    let asynchronous = try await Process.run { await Task { 6 * 7 }.value }
    XCTAssertEqual([synchronous, asynchronous], [42, 42])
    try await Process.run { mailbox.post("synchronous") }
    try await Process.run {
      await Task.yield()
      mailbox.post("async")
    }
    XCTAssertEqual(try mailbox.waiting(), ["synchronous", "async"])
  }

  func testErrorsAndLimits() async throws {
    do {
      _ = try await Process.run { () throws -> Int in throw Trouble(number: 4) }
      XCTFail("no error")
    } catch let error as Trouble {
      XCTAssertEqual(error, Trouble(number: 4))
    }
    do {
      try await Process.run(limits: ResourceLimits(cpuTime: .milliseconds(50))) { while getpid() > 0 {} }
      XCTFail("no error")
    } catch ProcessError.limitExceeded {}
  }

  func testATimeoutEndsTheChild() async throws {
    let mailbox = Mailbox()
    do {
      try await Process.run(timeout: .milliseconds(50)) { hang(mailbox) }
      XCTFail("no error")
    } catch is TimeoutError {}
    XCTAssertEqual(activeChildren(), [])
  }

  func testCancellationEndsTheChildAndReapsIt() async throws {
    let mailbox = Mailbox()
    let task = Task { try await Process.run { hang(mailbox) } }
    let pid = try mailbox.nextNumber()
    task.cancel()
    let result = await task.result
    XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
    XCTAssert(isGone(pid), processState(pid))
  }

  /// One that does not end by SIGTERM is killed after the time of grace, and no thread waits for it meanwhile.
  func testCancellationOfAChildThatStays() async throws {
    let mailbox = Mailbox()
    let task = Task {
      try await Process.run {
        signal(SIGTERM, SIG_IGN)
        hang(mailbox)
      }
    }
    let pid = try mailbox.nextNumber()
    task.cancel()
    var beats = 0
    while !isGone(pid) {
      try await Task.sleep(for: .milliseconds(5))
      beats += 1
    }
    XCTAssertGreaterThan(beats, 2)
    let result = await task.result
    XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
  }

  func testATaskThatIsCancelledAlreadyStartsNoChild() async throws {
    let mailbox = Mailbox()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await Process.run { mailbox.post("started") }
    }
    let result = await task.result
    XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
    XCTAssertEqual(try mailbox.waiting(), [])
  }

  func testOneThatThrowsEndsItsWholeGroup() async throws {
    let mailbox = Mailbox()
    let gate = Gate()
    let others = 8
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<others { group.addTask { try await Process.run { hang(mailbox) } } }
        group.addTask {
          try await Process.run {
            gate.pass()
            throw Trouble(number: 9)
          }
        }
        let pids = try (0..<others).map { _ in try mailbox.nextNumber() }
        XCTAssertTrue(pids.allSatisfy(isRunning))
        gate.open()
        for try await _ in group {}
        XCTFail("no error")
      }
    } catch let error as Trouble {
      XCTAssertEqual(error, Trouble(number: 9))
    }
    XCTAssertEqual(activeChildren(), [])
  }

  /// More than there are threads, cancelled at once.
  func testCancellingMany() async throws {
    let mailbox = Mailbox()
    let count = 40
    let task = Task {
      await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<count {
          group.addTask {
            do {
              try await Process.run { hang(mailbox) }
              return false
            } catch {
              return error is CancellationError
            }
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
    }
    for _ in 0..<count { _ = try mailbox.nextNumber() }
    task.cancel()
    let ended = await task.value
    XCTAssertEqual(ended, count)
    XCTAssertEqual(activeChildren(), [])
  }
}

/// Tells its number, and does not end by itself.
private func hang(_ mailbox: Mailbox) {
  mailbox.post("\(getpid())")
  while true { sleep(3600) }
}
