import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Which step may follow which, and what the object tells at each.
final class LifecycleTests: AuditedTestCase {
  func testBeforeDuringAndAfter() throws {
    let gate = Gate()
    let process = Process(
      target: { () -> Int in
        gate.pass()
        return 7
      }, daemon: true)
    XCTAssertNil(process.pid)
    XCTAssertFalse(process.isAlive)
    XCTAssertNil(process.exitCode)
    XCTAssertNil(process.terminationStatus)
    XCTAssertNil(process.terminationError)
    XCTAssertNil(process.sentinel)

    try process.start()
    let pid = try XCTUnwrap(process.pid)
    XCTAssertEqual(childProcesses(of: getpid()), [pid])
    XCTAssertTrue(process.isAlive)
    XCTAssertNil(process.exitCode)
    XCTAssertNil(process.terminationStatus)
    XCTAssertNil(process.terminationError)
    XCTAssertNotNil(process.sentinel)

    gate.open()
    XCTAssertTrue(try process.join())
    XCTAssertEqual(process.pid, pid)
    XCTAssertFalse(process.isAlive)
    XCTAssertEqual(process.exitCode, 0)
    XCTAssertEqual(process.terminationStatus, .exited(0))
    XCTAssertNil(process.terminationError)
    XCTAssertEqual(processState(pid), "gone")
  }

  func testTheEndIsSeenWithoutAJoin() throws {
    let process = Process { exit(4) }
    try process.start()
    XCTAssert(eventually { !process.isAlive })
    XCTAssertEqual(process.exitCode, 4)
    XCTAssertEqual(process.terminationError as? ProcessError, .exited(4))
    XCTAssertEqual(processState(try XCTUnwrap(process.pid)), "gone")
  }

  func testTheChildSeesItselfAlive() throws {
    final class Introspective: ProcessBase {
      override func run() { exit(isAlive && pid == getpid() && exitCode == nil && sentinel == nil ? 0 : 1) }
    }
    let process = Introspective()
    try process.start()
    try process.join()
    XCTAssertEqual(process.exitCode, 0)
  }

  // MARK: Misuse

  func testEverythingBeforeTheStart() throws {
    let process = Process(target: { 1 })
    assertThrows(ProcessError.notStarted) { try process.join() }
    assertThrows(ProcessError.notStarted) { try process.join(timeout: .zero) }
    assertThrows(ProcessError.notStarted) { try process.result() }
    assertThrows(ProcessError.notStarted) { try process.result(timeout: .zero) }
    assertThrows(ProcessError.notStarted) { try process.interrupt() }
    assertThrows(ProcessError.notStarted) { try process.terminate() }
    assertThrows(ProcessError.notStarted) { try process.kill() }
    assertThrows(ProcessError.notStarted) { try process.send(.stop) }
    try process.start()
    XCTAssertEqual(try process.result(), 1, "nothing is lost by a mistake")
  }

  func testStartTwice() throws {
    let gate = Gate()
    let process = Process(target: { () -> Int in
      gate.pass()
      return 1
    })
    try process.start()
    assertThrows(ProcessError.alreadyStarted) { try process.start() }
    XCTAssertEqual(childProcesses(of: getpid()).count, 1)
    gate.open()
    XCTAssertEqual(try process.result(), 1)
    assertThrows(ProcessError.alreadyStarted) { try process.start() }
    XCTAssertEqual(try process.result(), 1)
    try process.close()
    assertThrows(ProcessError.closed) { try process.start() }
  }

  func testStartFromManyThreadsHappensOnce() throws {
    for _ in 0..<20 {
      let process = Process(target: { getpid() })
      let outcomes = concurrently(4) { _ in Result { try process.start() } }
      XCTAssertEqual(outcomes.count { (try? $0.get()) != nil }, 1)
      for case .failure(let error) in outcomes {
        XCTAssertEqual(error as? ProcessError, .alreadyStarted)
      }
      XCTAssertEqual(try process.result(), process.pid)
    }
  }

  func testClosing() throws {
    let before = Inventory.now()
    let gate = Gate()
    let process = Process(target: { () -> Int in
      gate.pass()
      return 1
    })
    try process.start()
    assertThrows(ProcessError.stillRunning) { try process.close() }
    XCTAssertTrue(process.isAlive)
    XCTAssertNotNil(process.sentinel)
    gate.open()
    XCTAssertEqual(try process.result(), 1)
    try process.close()
    try process.close()
    assertThrows(ProcessError.closed) { try process.start() }
    assertThrows(ProcessError.closed) { try process.join() }
    assertThrows(ProcessError.closed) { try process.result() }
    assertThrows(ProcessError.closed) { try process.interrupt() }
    assertThrows(ProcessError.closed) { try process.terminate() }
    assertThrows(ProcessError.closed) { try process.kill() }
    assertThrows(ProcessError.closed) { try process.send(.user1) }
    XCTAssertFalse(process.isAlive)
    XCTAssertNil(process.sentinel)
    // All but the gate's pipe.
    XCTAssertEqual(Inventory.leaks(since: before, patience: 0).count, 2)
  }

  func testClosingBeforeTheStart() throws {
    let process = Process {}
    try process.close()
    assertThrows(ProcessError.closed) { try process.start() }
    assertThrows(ProcessError.closed) { try process.join() }
    try process.close()
  }

  func testClosingAnEndedProcessThatNobodyJoined() throws {
    let process = Process {}
    try process.start()
    let pid = try XCTUnwrap(process.pid)
    XCTAssert(eventually { processState(pid) == "Z" })
    try process.close()
    XCTAssertEqual(processState(pid), "gone")
  }

  func testALostObjectsChildGoesOnAndLeavesNothing() throws {
    let gate = Gate()
    let mailbox = Mailbox()
    func start() throws {
      try Process {
        gate.pass()
        mailbox.post("done")
      }.start()
    }
    try start()
    XCTAssertEqual(activeChildren().count, 1)
    gate.open()
    XCTAssertEqual(try mailbox.next(), "done")
    XCTAssert(eventually { activeChildren().isEmpty })
    XCTAssertEqual(childProcesses(of: getpid()), [])
  }

  func testTheObjectIsFreedWithItsLastReference() throws {
    final class Canary: Sendable {}
    var canary: Canary? = Canary()
    weak let witness = canary
    do {
      let process = Process { [canary] in exit(canary == nil ? 1 : 0) }
      try process.start()
      try process.join()
      XCTAssertEqual(process.exitCode, 0)
      canary = nil
      XCTAssertNotNil(witness)
    }
    XCTAssertNil(witness)
  }

  // MARK: In the wrong process

  /// What every method throws in a process that did not make the object.
  private static func complaints(about process: Multiprocessing.Process<Int>) -> [ProcessError?] {
    func complaint<Value>(_ body: () throws -> Value) -> ProcessError? {
      do {
        _ = try body()
        return nil
      } catch {
        return error as? ProcessError
      }
    }
    return [
      complaint { try process.start() }, complaint { try process.join() },
      complaint { try process.join(timeout: .zero) }, complaint { try process.result() },
      complaint { try process.interrupt() }, complaint { try process.terminate() },
      complaint { try process.kill() }, complaint { try process.send(.user1) },
      complaint { try process.close() },
    ]
  }

  func testEverythingInTheWrongProcess() throws {
    let gate = Gate()
    let new = Process(target: { 1 })
    let running = Process(target: { () -> Int in
      gate.pass()
      return 2
    })
    let ended = Process(target: { 3 })
    let closed = Process(target: { 4 })
    try running.start()
    for process in [ended, closed] {
      try process.start()
      try process.join()
    }
    try closed.close()
    for process in [new, running, ended, closed] {
      let complaints = try Process.run { Self.complaints(about: process) }
      XCTAssertEqual(complaints, Array(repeating: .notParent, count: 9))
      XCTAssertFalse(try Process.run { process.isAlive })
      XCTAssertTrue(try Process.run { process.sentinel == nil && process.exitCode == nil })
    }
    // And none of it did any harm here.
    XCTAssertTrue(running.isAlive)
    gate.open()
    XCTAssertEqual(try running.result(), 2)
    XCTAssertEqual(try ended.result(), 3)
    try new.start()
    XCTAssertEqual(try new.result(), 1)
  }

  func testAProcessCannotWaitForItself() throws {
    final class Selfish: ProcessBase, @unchecked Sendable {
      // Sendable: the test's only thread touches it.
      override func run() throws { try join() }
    }
    let process = Selfish()
    try process.start()
    try process.join()
    XCTAssertEqual(process.terminationError as? ProcessError, .notParent)
  }

  func testAProcessCannotStartItself() throws {
    final class Recursive: ProcessBase {
      override func run() throws { try start() }
    }
    let process = Recursive()
    try process.start()
    try process.join()
    XCTAssertEqual(process.terminationError as? ProcessError, .notParent)
  }
}
