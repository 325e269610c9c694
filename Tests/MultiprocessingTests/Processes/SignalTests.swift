import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Signals to a child, and what they look like afterwards.
final class SignalTests: AuditedTestCase {
  private func sleeping() throws -> Multiprocessing.Process<Void> {
    let process = Process(target: { while true { pause() } }, daemon: true)
    try process.start()
    return process
  }

  private func check(
    _ signal: Signal, line: UInt = #line, _ send: (Multiprocessing.Process<Void>) throws -> Void
  ) throws {
    let process = try sleeping()
    XCTAssertTrue(process.isAlive, line: line)
    try send(process)
    XCTAssertTrue(try process.join(), line: line)
    XCTAssertFalse(process.isAlive, line: line)
    XCTAssertEqual(process.exitCode, -signal.rawValue, line: line)
    XCTAssertEqual(process.terminationStatus, .signaled(signal), line: line)
    XCTAssertEqual(process.terminationError as? ProcessError, .killed(signal), line: line)
    assertThrows(ProcessError.killed(signal), line: line) { try process.result() }
    XCTAssertEqual(activeChildren(), [], line: line)
  }

  func testTerminate() throws { try check(.terminate) { try $0.terminate() } }
  func testKill() throws { try check(.kill) { try $0.kill() } }
  func testInterrupt() throws { try check(.interrupt) { try $0.interrupt() } }
  func testAnyOther() throws {
    for signal in [.user1, .hangUp, .quit, .alarm, .brokenPipe, Signal(rawValue: 40)] as [Signal] {
      try check(signal) { try $0.send(signal) }
    }
  }

  func testASignalThatComesAtOnce() throws {
    for _ in 0..<50 { try check(.terminate) { try $0.terminate() } }
  }

  func testNothingHappensAfterTheEnd() throws {
    let process = Process(target: { 5 })
    try process.start()
    let pid = try XCTUnwrap(process.pid)
    XCTAssert(eventually { processState(pid) == "Z" })
    try process.kill()
    try process.join()
    try process.kill()
    try process.terminate()
    try process.interrupt()
    try process.send(.stop)
    XCTAssertEqual(process.exitCode, 0)
    XCTAssertEqual(try process.result(), 5)
  }

  func testStopAndContinue() throws {
    let gate = Gate()
    let process = Process { gate.pass() }
    try process.start()
    let pid = try XCTUnwrap(process.pid)
    try process.send(.stop)
    XCTAssert(eventually { processState(pid) == "T" })
    XCTAssertTrue(process.isAlive)
    XCTAssertNil(process.exitCode)
    gate.open()
    XCTAssertFalse(try process.join(timeout: .milliseconds(20)))
    try process.send(.continue)
    XCTAssertTrue(try process.join())
    XCTAssertEqual(process.exitCode, 0)
  }

  func testAChildMayAnswerASignalItself() throws {
    let mailbox = Mailbox()
    let process = Process(target: { () -> Int32 in
      var set = sigset_t()
      sigfillset(&set)
      pthread_sigmask(SIG_BLOCK, &set, nil)
      mailbox.post("ready")
      var received: Int32 = 0
      sigwait(&set, &received)
      return received
    })
    try process.start()
    XCTAssertEqual(try mailbox.next(), "ready")
    try process.terminate()
    XCTAssertEqual(try process.result(), SIGTERM)
    XCTAssertEqual(process.exitCode, 0)
  }

  func testWhatIsNoSignal() throws {
    let process = try sleeping()
    let error = thrown(SystemError.self) { try process.send(Signal(rawValue: 999)) }
    XCTAssertEqual(error?.errno, EINVAL)
    XCTAssertTrue(process.isAlive)
    try process.kill()
    try process.join()
  }

  func testFromOutside() throws {
    // Also those that a crash would raise.
    for signal in [SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGILL, SIGTRAP, SIGBUS, SIGFPE] {
      try check(Signal(rawValue: signal)) {
        XCTAssertEqual(Glibc.kill(try XCTUnwrap($0.pid), signal), 0)
      }
    }
  }

  func testDescriptions() {
    XCTAssertEqual("\(Signal.kill)", "SIGKILL")
    XCTAssertEqual("\(Signal.continue)", "SIGCONT")
    XCTAssertEqual("\(Signal(rawValue: 40))", "signal 40")
    XCTAssertEqual("\(TerminationStatus.signaled(.terminate))", "ended by SIGTERM")
    XCTAssertEqual("\(TerminationStatus.exited(3))", "exited with 3")
    XCTAssertEqual(TerminationStatus.signaled(.kill).exitCode, -9)
  }
}
