import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// `communicate` and `run`: any amount both ways, and every way to end.
final class CommunicateTests: AuditedTestCase {
  private static let much = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

  func testAMegabyteBothWays() throws {
    let program = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    XCTAssertEqual(try program.communicate(input: Self.much).output, Self.much)
    XCTAssertEqual(program.poll(), .exited(0))
    // Both outputs at once, neither of which the program can get rid of ahead of the other.
    let both = try Popen.run(["/bin/sh", "-c", "tee /dev/stderr"], input: Self.much)
    XCTAssertEqual(both.output, Self.much)
    XCTAssertEqual(both.error, Self.much)
  }

  func testAProgramThatNeedNotReadItsInput() throws {
    XCTAssertEqual(try Popen.run(["head", "-c", "3"], input: Self.much).output, Array(Self.much[..<3]))
    XCTAssertEqual(try Popen.run(["true"], input: Self.much).status, .exited(0))
    let closing = try Popen.run(["/bin/sh", "-c", "exec <&-; echo on"], input: Self.much)
    XCTAssertEqual(closing.outputText, "on\n")
  }

  func testAProgramThatClosesItsOutputAndGoesOn() throws {
    let program = try Popen(["/bin/sh", "-c", "echo x; exec sleep 3600 >&-"], stdout: .pipe)
    XCTAssert(waitReadable(try XCTUnwrap(program.standardOutput).fileDescriptor, within: 60))
    XCTAssertThrowsError(try program.communicate(timeout: .milliseconds(200))) { error in
      XCTAssertEqual((error as? TimeoutError)?.partialOutput, Array("x\n".utf8))
    }
    XCTAssertEqual(program.poll(), .signaled(.terminate))
  }

  func testInputWithoutAPipe() throws {
    let program = try Popen(["true"], stdin: .null)
    guard case .invalidArgument? = thrown(PopenError.self, by: { try program.communicate(input: [1]) }) else {
      return XCTFail("another error")
    }
    XCTAssertEqual(try program.wait(), .exited(0))
  }

  func testWhatWasWrittenBefore() throws {
    let program = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    try program.standardInput?.write("banana")
    XCTAssertEqual(try program.communicate(input: Array("split".utf8)).output, Array("bananasplit".utf8))
    let closed = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    closed.standardInput?.close()
    assertThrows(PopenError.closed) { try closed.communicate(input: [1]).output }
    XCTAssertEqual(try closed.communicate().output, [])
  }

  func testItMayBeCalledAgain() throws {
    let program = try Popen(["echo", "x"], stdout: .pipe)
    XCTAssertEqual(try program.communicate().output, Array("x\n".utf8))
    XCTAssertEqual(try program.communicate().output, [])
    let read = try Popen(["printf", "abc"], stdout: .pipe)
    XCTAssertEqual(try read.standardOutput?.read(upTo: 1), [UInt8(ascii: "a")])
    XCTAssertEqual(try read.communicate().output, Array("bc".utf8))
  }

  // MARK: Statuses

  func testChecks() throws {
    for (script, status) in [("exit 3", TerminationStatus.exited(3)), ("kill -9 $$", .signaled(.kill))] {
      let completed = try Popen.run(["/bin/sh", "-c", script])
      XCTAssertEqual(completed.status, status)
      XCTAssertEqual(completed.returnCode, status.exitCode)
      XCTAssertFalse(completed.isSuccess)
      assertThrows(PopenError.failed(completed)) { try Popen.run(["/bin/sh", "-c", script], check: true) }
    }
    let error = PopenError.failed(try Popen.run(["/bin/sh", "-c", "echo one >&2; echo two >&2; exit 1"]))
    XCTAssert("\(error)".contains("exited with 1, saying \"two\""), "\(error)")
  }

  // MARK: Limits

  func testLimits() throws {
    let options = Popen.Options(outputLimit: 1000)
    XCTAssertEqual(try Popen.run(["head", "-c", "1000", "/dev/zero"], options: options).output.count, 1000)
    assertThrows(PopenError.outputLimitExceeded(1000)) {
      try Popen.run(["head", "-c", "1001", "/dev/zero"], options: options)
    }
    assertThrows(PopenError.outputLimitExceeded(1000)) {
      try Popen.run(["/bin/sh", "-c", "yes >&2"], options: options)
    }
    let endless = try Popen(["yes"], stdout: .pipe, options: options)
    assertThrows(PopenError.outputLimitExceeded(1000)) { try endless.communicate() }
    XCTAssertNotNil(endless.poll())
    XCTAssertEqual(try Popen.run(["true"], options: .init(outputLimit: 0)).output, [])
  }

  // MARK: Timeouts

  func testATimeoutEndsTheWholeGroup() throws {
    let program = try Popen(
      ["/bin/sh", "-c", "sleep 3600 & sleep 3600 & echo started; echo err >&2; wait"], stdout: .pipe, stderr: .pipe,
      options: .init(processGroup: 0))
    // The bytes come first, so that they are there however slow the machine is.
    XCTAssertEqual(try program.standardOutput?.readLine(), "started")
    XCTAssertEqual(try program.standardError?.readLine(), "err")
    assertThrows(TimeoutError(operation: "the end of /bin/sh", timeout: .zero, partialOutput: [], partialError: [])) {
      try program.communicate(timeout: .seconds(-3))
    }
    XCTAssertEqual(program.poll(), .signaled(.terminate))
    XCTAssert(eventually { !hasRunningMembers(group: program.pid) })
  }

  func testInputThatNobodyReads() throws {
    let much = [UInt8](repeating: 7, count: 1 << 20)
    assertThrows(
      TimeoutError(operation: "the end of sleep", timeout: .milliseconds(30), partialOutput: [], partialError: [])
    ) {
      try Popen.run(["sleep", "3600"], input: much, timeout: .milliseconds(30))
    }
  }

  func testAfterAStreamWasClosed() throws {
    let program = try Popen(
      ["/bin/sh", "-c", "cat >/dev/null; echo err >&2"], stdin: .pipe, stdout: .pipe, stderr: .pipe)
    program.standardOutput?.close()
    let (output, error) = try program.communicate(input: [7])
    XCTAssertEqual(output, [])
    XCTAssertEqual(error, Array("err\n".utf8))
  }

  func testWhatWasWrittenIsHandedOver() throws {
    let program = try Popen(
      ["/bin/sh", "-c", "trap 'echo bye; exit 0' TERM; sleep 3600 & echo out; echo err >&2; wait"],
      stdout: .pipe, stderr: .pipe)
    XCTAssert(waitReadable(try XCTUnwrap(program.standardError).fileDescriptor, within: 60))
    assertThrows(
      TimeoutError(
        operation: "the end of /bin/sh", timeout: .milliseconds(1), partialOutput: Array("out\nbye\n".utf8),
        partialError: Array("err\n".utf8))
    ) {
      try program.communicate(timeout: .milliseconds(1))
    }
    XCTAssertEqual(program.poll(), .exited(0), "it was asked, and could tidy up")
  }

  func testWhoeverDoesNotListenIsKilled() throws {
    let program = try Popen(
      ["/bin/sh", "-c", "trap '' TERM; echo x; while :; do sleep 0.01; done"], stdout: .pipe,
      options: .init(processGroup: 0, gracePeriod: .milliseconds(50)))
    XCTAssertEqual(try program.standardOutput?.readLine(), "x")
    XCTAssertThrowsError(try program.communicate(timeout: .milliseconds(10)))
    XCTAssertEqual(program.poll(), .signaled(.kill))
    XCTAssert(eventually { !hasRunningMembers(group: program.pid) })
  }

  func testAProgramThatIsStopped() throws {
    let program = try Popen(["sleep", "3600"])
    XCTAssertTrue(program.send(.stop))
    XCTAssert(eventually { processState(program.pid) == "T" })
    XCTAssertNil(program.poll())
    XCTAssertThrowsError(try program.wait(timeout: .milliseconds(10)))
    XCTAssertEqual(try program.end(), .signaled(.terminate))
  }

  /// It ends at once, and leaves something behind that holds its output open.
  func testAGrandchildThatHoldsThePipe() throws {
    let options = Popen.Options(processGroup: 0)
    let program = try Popen(["/bin/sh", "-c", "sleep 3600 & echo x"], stdout: .pipe, options: options)
    XCTAssertEqual(try program.standardOutput?.readLine(), "x")
    XCTAssertEqual(try program.wait(), .exited(0))
    let pid = program.pid
    let other = try Popen(["/bin/sh", "-c", "sleep 3600 & echo x"], stdout: .pipe, options: options)
    assertThrows(
      TimeoutError(
        operation: "the end of /bin/sh", timeout: .milliseconds(500), partialOutput: Array("x\n".utf8), partialError: []
      )
    ) {
      try other.communicate(timeout: .milliseconds(500))
    }
    XCTAssertEqual(other.poll(), .exited(0))
    XCTAssert(eventually { !hasRunningMembers(group: other.pid) })
    // The first one's is still there: it was waited for, and nothing more.
    XCTAssertTrue(hasRunningMembers(group: pid))
    kill(-pid, SIGKILL)
    XCTAssert(eventually { !hasRunningMembers(group: pid) })
  }

  /// One that has left the group cannot be reached; the return does not wait for it.
  func testAGrandchildThatHasLeftTheGroup() throws {
    let mailbox = Mailbox()
    XCTAssertThrowsError(
      try Popen.run(
        ["/bin/sh", "-c", "setsid sh -c 'echo $$; exec sleep 3600' & wait"], timeout: .milliseconds(700),
        options: .init(gracePeriod: .milliseconds(50)))
    ) { error in
      guard let partial = (error as? TimeoutError)?.partialOutput else { return XCTFail("\(error)") }
      mailbox.post(String(decoding: partial, as: UTF8.self).filter(\.isNumber))
    }
    let line = try mailbox.next()
    // On a machine that is very busy the shell had not come that far.
    guard let pid = Int32(line) else { return }
    XCTAssertTrue(isRunning(pid))
    kill(pid, SIGKILL)
    XCTAssert(eventually { !isRunning(pid) })
  }

  func testWaitEndsNothing() throws {
    let program = try Popen(["sleep", "3600"], stdout: .pipe)
    for timeout in [Duration.zero, .milliseconds(20), .seconds(-1)] {
      assertThrows(TimeoutError(operation: "the end of sleep", timeout: max(timeout, .zero))) {
        try program.wait(timeout: timeout)
      }
    }
    XCTAssertNil(program.poll())
    program.kill()
    XCTAssertEqual(try program.wait(timeout: .seconds(60)), .signaled(.kill))
  }

  func testSignalsToTheGroup() throws {
    let program = try Popen(
      ["/bin/sh", "-c", "sleep 3600 & echo x; wait"], stdout: .pipe, options: .init(processGroup: 0))
    XCTAssertEqual(try program.standardOutput?.readLine(), "x")
    XCTAssertTrue(program.send(.kill, toProcessGroup: true))
    XCTAssertEqual(try program.standardOutput?.readToEnd(), [])
    XCTAssertEqual(try program.wait(), .signaled(.kill))
    XCTAssert(eventually { !hasRunningMembers(group: program.pid) })
    let sleeper = try Popen(["sleep", "3600"])
    XCTAssertFalse(sleeper.send(Signal(rawValue: 1000)))
    XCTAssertFalse(sleeper.send(Signal(rawValue: 1000), toProcessGroup: true))
    try sleeper.end()
  }
}
