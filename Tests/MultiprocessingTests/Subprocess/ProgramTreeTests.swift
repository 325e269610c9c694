import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Programs in a group that is not their own, which must not be signalled: what they have started is found by descent.
final class ProgramTreeTests: TaskTestCase {
  override var patience: Double { 240 }

  /// In the group of the tests themselves.
  private func start(_ script: String, grace: Duration = .seconds(100)) throws -> Popen {
    try Popen(
      ["/bin/sh", "-c", script], stdout: .pipe, options: .init(processGroup: getpgrp(), gracePeriod: grace))
  }

  private func pids(_ count: Int, from program: Popen) throws -> [Int32] {
    let output = try XCTUnwrap(program.standardOutput)
    return try (0..<count).map { _ in try XCTUnwrap(output.readLine().flatMap { Int32($0) }) }
  }

  /// The blocking ways, for tests that have both.
  private func end(_ program: Popen) throws -> TerminationStatus { try program.end() }
  private func communicate(_ program: Popen) throws { _ = try program.communicate(timeout: .milliseconds(10)) }
  private func rest(of program: Popen) throws -> [UInt8]? { try program.standardOutput?.readToEnd() }

  private static let family = "sleep 3600 & echo $!; sh -c 'sleep 3600 & echo $!; wait' & echo $!; wait"

  func testATimeoutEndsAll() async throws {
    let other = try start("exec sleep 3600")
    for isSuspended in [false, true] {
      let program = try start(Self.family)
      let started = try pids(3, from: program)
      XCTAssertEqual(started.map { getpgid($0) }, Array(repeating: getpgrp(), count: 3))
      do {
        if isSuspended {
          _ = try await program.communicate(timeout: .milliseconds(10))
        } else {
          try communicate(program)
        }
        XCTFail("no timeout")
      } catch {
        XCTAssert(error is TimeoutError, "\(error)")
      }
      XCTAssertEqual(program.poll(), .signaled(.terminate))
      XCTAssert(eventually { !started.contains(where: isRunning) })
    }
    XCTAssertNil(other.poll(), "none of theirs")
    XCTAssertEqual(try end(other), .signaled(.terminate))
  }

  func testASignalReachesAll() throws {
    for signal in [Signal.terminate, .kill] {
      let program = try start(Self.family)
      let started = try pids(3, from: program)
      XCTAssertTrue(program.send(signal, toProcessGroup: true))
      XCTAssertEqual(try program.wait(), .signaled(signal))
      XCTAssert(eventually { !started.contains(where: isRunning) })
    }
  }

  func testWhatTheProgramLeavesBehindHasItsGrace() async throws {
    let script = "(trap 'sleep 0.3; echo tidy; exit' TERM; echo x; while :; do sleep 0.01; done) & sleep 3600"
    for isSuspended in [false, true] {
      let program = try start(script)
      XCTAssertEqual(try line(of: program), "x")
      let status = isSuspended ? try await program.end() : try end(program)
      XCTAssertEqual(status, .signaled(.terminate))
      XCTAssertEqual(try rest(of: program), Array("tidy\n".utf8))
    }
  }

  private func line(of program: Popen) throws -> String? { try program.standardOutput?.readLine() }

  func testWhoeverDoesNotListenIsKilled() throws {
    let program = try start(
      "trap '' TERM; sleep 3600 & echo $!; while :; do sleep 0.01; done", grace: .milliseconds(50))
    let started = try pids(1, from: program)
    XCTAssertEqual(try program.end(), .signaled(.kill))
    XCTAssert(eventually { !started.contains(where: isRunning) })
  }

  /// It starts others all the time, which must not be left without a parent before they are found.
  func testAProgramThatForks() throws {
    let loop = "while (1) { sleep 3600 if !fork; select undef, undef, undef, 0.001 }"
    let script = "$SIG{TERM} = 'IGNORE'; $| = 1; print qq(x\\n); \(loop)"
    for _ in 0..<5 {
      let program = try Popen(
        ["perl", "-e", script], stdout: .pipe,
        options: .init(processGroup: getpgrp(), gracePeriod: .milliseconds(20)))
      XCTAssertEqual(try program.standardOutput?.readLine(), "x")
      XCTAssertEqual(try program.end(), .signaled(.kill))
      XCTAssertEqual(try program.standardOutput?.readToEnd(), [], "nobody holds it any more")
    }
  }

  /// A fork that has begun goes on after SIGSTOP.
  func testAProgramThatIsEndedWhileItForks() throws {
    for round in 0..<100 {
      let program = try start("sleep 3600 & sh -c 'sleep 3600; true' & wait")
      assertThrows(TimeoutError(operation: "the end of /bin/sh", timeout: .microseconds(round * 50))) {
        try program.wait(timeout: .microseconds(round * 50))
      }
      XCTAssertEqual(try program.end(), .signaled(.terminate))
      XCTAssertEqual(try program.standardOutput?.readToEnd(), [], "nobody holds it any more")
    }
  }

  func testAProgramThatHasEnded() throws {
    let program = try start("exit 3")
    XCTAssertEqual(try program.wait(), .exited(3))
    XCTAssertEqual(try program.end(), .exited(3))
    XCTAssertFalse(program.send(.kill, toProcessGroup: true))
  }
}
