import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// How a child ends, and what it leaves behind on its way out.
final class ExitTests: AuditedTestCase {
  private func code(
    _ expected: Int32, line: UInt = #line, of body: @escaping @Sendable () throws -> Void
  ) throws {
    let process = Process(target: body)
    try process.start()
    assertThrows(ProcessError.exited(expected), line: line) { try process.result() }
    XCTAssertEqual(process.exitCode, expected, line: line)
    XCTAssertEqual(process.terminationStatus, .exited(expected), line: line)
    XCTAssertEqual(
      process.terminationError as? ProcessError, expected == 0 ? nil : .exited(expected), line: line)
  }

  func testExitCodes() throws {
    try code(0) { exit(0) }
    try code(3) { exit(3) }
    try code(255) { exit(255) }
    try code(255) { exit(-1) }
    try code(0) { exit(256) }
    try code(8) { _exit(8) }
  }

  func testExitFromAnotherThread() throws {
    try code(5) {
      TestThread { exit(5) }.join()
    }
  }

  func testExitWithAValueOutstanding() throws {
    let process = Process(target: { () -> Int in exit(0) })
    try process.start()
    assertThrows(ProcessError.exited(0)) { try process.result() }
    XCTAssertNil(process.terminationError, "a code of 0 is no failure")
  }

  func testAThrownErrorIsOneLineAndCodeOne() throws {
    struct Trouble: Error, CustomStringConvertible { let description = "first\nsecond\n\nthird" }
    let process = Process(target: { throw Trouble() }, name: "Troubled")
    let text = try capturing(STDERR_FILENO) {
      try process.start()
      try process.join()
    }
    XCTAssertEqual(process.exitCode, 1)
    XCTAssertEqual(text.filter { $0 == "\n" }.count, 1, text)
    XCTAssert(text.hasSuffix("\n"), text)
    for part in ["Troubled", "Trouble", "first", "third"] { XCTAssert(text.contains(part), text) }
  }

  func testNothingIsWrittenWhenAllGoesWell() throws {
    for stream in [STDOUT_FILENO, STDERR_FILENO] {
      let text = try capturing(stream) {
        try Process.run {}
        let process = Process { exit(3) }
        try process.start()
        try process.join()
      }
      XCTAssertEqual(text, "")
    }
  }

  // MARK: Streams that are broken

  func testWithBrokenStreams() throws {
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
      // Broken by the child.
      XCTAssertEqual(
        try Process.run {
          close(stream)
          print("into the void")
          return 1
        }, 1)
      // Broken by the parent, before.
      let value = try Process.run {
        close(stream)
        let process = Process(target: { () -> Int in
          print("into the void")
          return 2
        })
        try process.start()
        return try process.result()
      }
      XCTAssertEqual(value, 2)
    }
  }

  func testAnErrorWithoutAStandardError() throws {
    let process = Process {
      close(STDERR_FILENO)
      throw ProcessError.closed
    }
    try process.start()
    assertThrows(ProcessError.closed) { try process.result() }
    XCTAssertEqual(process.exitCode, 1)
  }

  func testAllThreeStreamsClosed() throws {
    // The engine's own descriptors then have the numbers of the streams.
    let value = try Process.run {
      for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] { close(stream) }
      let long = [UInt8](repeating: 1, count: 200_000)
      return try (0..<10).reduce(0) { sum, number in
        let process = Process(
          target: { (bytes: [UInt8], number: Int) in bytes.count + number }, args: (long, number))
        try process.start()
        return sum + (try process.result())
      }
    }
    XCTAssertEqual(value, 2_000_045)
  }

  // MARK: Exit blocks

  func testExitBlocksRunInTheChildLastFirst() throws {
    for end in 0..<4 {
      let mailbox = Mailbox()
      let process = Process {
        for number in 1...3 { atExit { mailbox.post("\(number)") } }
        atExit {
          mailbox.post("last")
          atExit { mailbox.post("registered by it") }
        }
        switch end {
        case 1: throw ProcessError.closed
        case 2: exit(2)
        case 3: TestThread { exit(3) }.join()
        default: break
        }
      }
      try process.start()
      try process.join()
      XCTAssertEqual(process.exitCode, [0, 1, 2, 3][end])
      XCTAssertEqual(try mailbox.waiting(), ["last", "registered by it", "3", "2", "1"], "\(end)")
    }
  }

  func testExitBlocksAreNotInherited() throws {
    let mailbox = Mailbox()
    try Process.run {
      let outer = getpid()
      atExit { mailbox.post(getpid() == outer ? "outer" : "inherited") }
      try Process.run {}
      try Process.run { atExit { mailbox.post("inner") } }
    }
    XCTAssertEqual(try mailbox.waiting(), ["inner", "outer"])
  }

  func testExitBlocksDoNotRunWhenASignalEnds() throws {
    let mailbox = Mailbox()
    for signal in [Signal.kill, .terminate] {
      let process = Process {
        atExit { mailbox.post("ran") }
        mailbox.post("ready")
        while true { pause() }
      }
      try process.start()
      XCTAssertEqual(try mailbox.next(), "ready")
      try process.send(signal)
      try process.join()
    }
    XCTAssertEqual(try mailbox.waiting(), [])
  }

  func testTheResultOutlivesWhatAnExitBlockDoes() throws {
    let process = Process(target: { () -> Int in
      atExit { exit(7) }
      return 42
    })
    try process.start()
    XCTAssertEqual(try process.result(), 42)
    XCTAssertEqual(process.exitCode, 7)
    try code(7) {
      atExit { exit(7) }
      exit(3)
    }
  }

  func testAnExitBlockThatExitsHindersNoOther() throws {
    for exitsBefore in [false, true] {
      let mailbox = Mailbox()
      let gate = Gate()
      let process = Process {
        try Process {
          gate.pass()
          mailbox.post("child")
        }.start()
        atExit {
          mailbox.post("block")
          gate.open()
        }
        atExit { exit(7) }
        if exitsBefore { exit(3) }
      }
      try process.start()
      try process.join()
      XCTAssertEqual(process.exitCode, 7)
      XCTAssertEqual(try mailbox.waiting(), ["block", "child"])
    }
    let program = TestProgram("fixture", "nested-exit")
    XCTAssertEqual(program.wait(), 7)
    XCTAssertEqual(program.output.lines, ["block", "child"])
  }

  func testAnExitBlockThatCrashes() throws {
    let process = Process {
      atExit { fatalError("on the way out") }
      exit(0)
    }
    try process.start()
    let error = thrown(ProcessError.self) { try process.result() }
    guard case .crashed(let report) = error else { return XCTFail("\(String(describing: error))") }
    XCTAssertEqual(report.message, "on the way out")
  }

  func testNoneOfTheParentsHandlersRunInAChild() {
    let program = TestProgram("fixture", "handlers")
    XCTAssertEqual(program.wait(), 0)
    XCTAssertEqual(
      program.output.lines,
      ["codes [0, 4, 1, 7, 8, 0]", "main is \(program.pid)", "handler of \(program.pid)"])
  }
}
