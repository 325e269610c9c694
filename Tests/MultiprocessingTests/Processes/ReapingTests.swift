import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Many children, no zombie, no descriptor more; and parents that meddle with the reaping.
final class ReapingTests: AuditedTestCase {
  override var patience: Double { 240 }

  func testAThousandChildrenOneAfterTheOther() throws {
    let before = Inventory.now()
    for number in 0..<1000 {
      let process = Process(target: { (a: Int) in a * 2 }, args: (number))
      try process.start()
      XCTAssertEqual(try process.result(), number * 2)
    }
    XCTAssertEqual(Inventory.leaks(since: before, patience: 0), [])
  }

  func testAThousandChildrenThatNobodyWaitsFor() throws {
    let mailbox = Mailbox()
    let before = Inventory.now()
    for number in 0..<1000 {
      try Process { mailbox.post("\(number)") }.start()
    }
    let numbers = try (0..<1000).map { _ in try mailbox.nextNumber() }
    XCTAssertEqual(numbers.sorted(), Array(0..<1000))
    XCTAssert(eventually { activeChildren().isEmpty })
    XCTAssertEqual(Inventory.leaks(since: before, patience: 0), [])
  }

  func testAStartReapsWhatHasEnded() throws {
    let first = Process {}
    try first.start()
    let pid = try XCTUnwrap(first.pid)
    XCTAssert(eventually { processState(pid) == "Z" })
    try Process.run {}
    XCTAssertEqual(processState(pid), "gone")
    XCTAssertEqual(first.exitCode, 0)
  }

  func testManyAtOnce() throws {
    let gate = Gate()
    let processes = (0..<100).map { number in
      Process(target: { () -> Int in
        gate.pass()
        return number
      })
    }
    for process in processes { try process.start() }
    XCTAssertEqual(activeChildren().count, 100)
    gate.open(100)
    XCTAssertEqual(try processes.map { try $0.result() }, Array(0..<100))
    XCTAssertEqual(processes.map(\.exitCode), Array(repeating: 0, count: 100))

    let sleepers = (0..<100).map { _ in Process { while true { pause() } } }
    for process in sleepers { try process.start() }
    for process in sleepers { try process.terminate() }
    for process in sleepers { try process.join() }
    XCTAssertEqual(sleepers.map(\.exitCode), Array(repeating: -SIGTERM, count: 100))
  }

  func testEndedProcessesHoldNoDescriptors() throws {
    let before = Inventory.now()
    let processes = (0..<50).map { number in Process(target: { number }) }
    for process in processes { try process.start() }
    for process in processes { try process.join() }
    XCTAssertEqual(Inventory.leaks(since: before, patience: 0), [])
    XCTAssertEqual(try processes.map { try $0.result() }, Array(0..<50))
  }

  // MARK: Meddlers

  /// What children come to in a process that has done `meddle`.
  private func outcomes(_ meddle: @escaping @Sendable () -> Void) throws -> [String] {
    try Process.run(timeout: .seconds(60)) {
      meddle()
      var outcomes: [String] = []
      func note(_ process: Multiprocessing.Process<Int>) throws {
        try process.start()
        do {
          outcomes.append("\(try process.result())")
        } catch ProcessError.crashed(let report) {
          outcomes.append("crashed: \(report.message ?? "nil")")
        } catch {
          outcomes.append("\(error)")
        }
        XCTAssertTrue(try process.join())
        if process.isAlive || process.exitCode == nil { outcomes.append("not ended") }
        if waitReadable(process.sentinel!, within: 0) == false { outcomes.append("silent sentinel") }
      }
      for _ in 0..<10 {
        try note(Process(target: { 42 }))
        try note(Process(target: { throw TimeoutError(operation: "x", timeout: .zero) }))
      }
      try note(Process(target: { [UInt8](repeating: 1, count: 100_000).count }))
      try note(Process(target: { fatalError("on purpose") }))
      let sleeper = Process(target: { () -> Int in while true { pause() } })
      try sleeper.start()
      try sleeper.terminate()
      try sleeper.join()
      outcomes.append(activeChildren().isEmpty ? "none left" : "some left")
      return outcomes
    }
  }

  private static let expected =
    Array(
      repeating: ["42", "\(TimeoutError(operation: "x", timeout: .zero))"], count: 10
    ).flatMap { $0 } + ["100000", "crashed: on purpose", "none left"]

  func testWithoutMeddling() throws {
    XCTAssertEqual(try outcomes {}, Self.expected)
  }

  func testAParentThatIgnoresTheDeathOfItsChildren() throws {
    XCTAssertEqual(try outcomes { signal(SIGCHLD, SIG_IGN) }, Self.expected)
  }

  func testAParentThatReapsEverybody() throws {
    XCTAssertEqual(
      try outcomes {
        let thief = TestThread {
          while true {
            if waitpid(-1, nil, 0) < 0 { usleep(200) }
          }
        }
        _ = consume thief
      }, Self.expected)
  }

  func testAParentWithAHandlerThatReapsEverybody() throws {
    XCTAssertEqual(
      try outcomes {
        signal(SIGCHLD) { _ in
          while waitpid(-1, nil, WNOHANG) > 0 {}
        }
      }, Self.expected)
  }

  func testOtherChildrenAreLeftAlone() throws {
    let program = TestProgram("fixture", "names")
    for _ in 0..<20 { try Process.run {} }
    _ = activeChildren()
    XCTAssertEqual(program.wait(), 0, "nobody else has reaped it")
  }
}
