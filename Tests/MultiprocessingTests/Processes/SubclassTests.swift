import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Subclasses of `ProcessBase`: what they hold, what they do, what becomes of their errors.
final class SubclassTests: AuditedTestCase {
  private final class UpperCaser: ProcessBase {
    let requests = Mailbox()
    let answers = Mailbox()

    override func run() throws {
      while case let line = try requests.next(), line != "stop" { answers.post(line.uppercased()) }
    }

    func submit(_ text: String) throws -> String {
      requests.post(text)
      return try answers.next()
    }

    func stop() { requests.post("stop") }
  }

  private class Counter: ProcessBase {
    var count = 0
    let mailbox = Mailbox()

    override func run() throws {
      count += 1
      mailbox.post("\(count) \(name) \(pid ?? -1)")
    }
  }

  private final class Twice: Counter {
    override func run() throws {
      try super.run()
      try super.run()
    }
  }

  private final class Idle: ProcessBase {}

  private final class Failing: ProcessBase {
    let error: any Error
    init(_ error: any Error) {
      self.error = error
      super.init(name: "Failing")
    }
    override func run() throws { throw error }
  }

  func testAConversation() throws {
    let caser = UpperCaser()
    caser.isDaemon = true
    try caser.start()
    XCTAssertEqual(try caser.submit("hello"), "HELLO")
    XCTAssertEqual(try caser.submit("world"), "WORLD")
    caser.stop()
    XCTAssertTrue(try caser.join(timeout: .seconds(60)))
    XCTAssertEqual(caser.exitCode, 0)
  }

  func testTheChildFindsTheObjectAsItWasAtTheStart() throws {
    let counter = Twice(name: "counting")
    counter.count = 10
    try counter.start()
    try counter.join()
    XCTAssertEqual(
      try counter.mailbox.waiting(), ["11 counting \(counter.pid!)", "12 counting \(counter.pid!)"])
    XCTAssertEqual(counter.count, 10, "what a child changes stays its own")
  }

  func testWithoutARun() throws {
    let idle = Idle()
    try idle.start()
    try idle.join()
    XCTAssertEqual(idle.exitCode, 0)
    XCTAssertNil(idle.terminationError)
  }

  func testAnErrorInRun() throws {
    let failing = Failing(ProcessError.unsupportedArgument("mine"))
    let text = try capturing(STDERR_FILENO) {
      try failing.start()
      try failing.join()
    }
    XCTAssertEqual(failing.exitCode, 1)
    XCTAssertEqual(failing.terminationStatus, .exited(1))
    XCTAssertEqual(failing.terminationError as? ProcessError, .unsupportedArgument("mine"))
    XCTAssertEqual(text.filter { $0 == "\n" }.count, 1, text)
    XCTAssert(text.contains("Failing") && text.contains("mine"), text)
  }

  func testMixedFamilies() throws {
    let counter = Counter()
    let others: [ProcessBase] = [Idle(), Process {}, counter, Failing(CancellationError())]
    for process in others { try process.start() }
    for process in others { try process.join() }
    XCTAssertEqual(others.map(\.exitCode), [0, 0, 0, 1])
  }
}
