import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What programs leave behind in their process groups, and programs that leave theirs.
final class ProgramGroupTests: TaskTestCase {
  override var patience: Double { 240 }

  /// A program that has ended, and was seen to, and one that it has left behind, which holds its output open.
  private func survivor(_ script: String = "sleep 3600 & echo x") throws -> Popen {
    let program = try Popen(
      ["/bin/sh", "-c", script], stdout: .pipe,
      options: .init(processGroup: 0, gracePeriod: .seconds(5)))
    XCTAssertEqual(try program.standardOutput?.readLine(), "x")
    XCTAssertEqual(try program.wait(), .exited(0))
    XCTAssertTrue(hasRunningMembers(group: program.pid))
    return program
  }

  /// The blocking ways, for tests that have both.
  private func end(_ program: Popen) throws -> TerminationStatus { try program.end() }

  private func rest(of program: Popen) throws -> [UInt8]? { try program.standardOutput?.readToEnd() }

  private func communicate(_ program: Popen) throws { _ = try program.communicate(timeout: .milliseconds(10)) }

  /// One that has said "x".
  private func speaker(_ arguments: [String], grace: Duration) throws -> Popen {
    let program = try Popen(arguments, stdout: .pipe, options: .init(processGroup: 0, gracePeriod: grace))
    XCTAssertEqual(try program.standardOutput?.readLine(), "x")
    return program
  }

  private func leaver(_ script: String) throws -> Popen {
    let leave = "$| = 1; setpgrp(0, \(getpgrp())); print qq(x\\n); sleep 3600"
    return try speaker(["perl", "-e", "\(script); \(leave)"], grace: .milliseconds(50))
  }

  /// Before Linux 6.9 nobody reaches it.
  private func requireGroupsOfTheDead() throws {
    var name = utsname()
    uname(&name)
    let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let numbers = release.split(separator: ".").prefix(2).compactMap { Int($0.prefix { $0.isNumber }) }
    try XCTSkipIf(numbers.count < 2 || (numbers[0], numbers[1]) < (6, 9), "Linux \(release)")
  }

  func testATimeoutAfterTheProgramsEnd() throws {
    try requireGroupsOfTheDead()
    let program = try survivor()
    XCTAssertThrowsError(try program.communicate(timeout: .milliseconds(10))) { XCTAssert($0 is TimeoutError) }
    XCTAssert(eventually { !hasRunningMembers(group: program.pid) })
    XCTAssertEqual(program.poll(), .exited(0))
  }

  func testAnEndAfterTheProgramsEnd() async throws {
    try requireGroupsOfTheDead()
    let program = try survivor()
    XCTAssertEqual(try end(program), .exited(0))
    XCTAssert(eventually { !hasRunningMembers(group: program.pid) })
    let other = try survivor()
    let status = try await other.end()
    XCTAssertEqual(status, .exited(0))
    XCTAssert(eventually { !hasRunningMembers(group: other.pid) })
  }

  func testASignalAfterTheProgramsEnd() throws {
    try requireGroupsOfTheDead()
    let program = try survivor()
    XCTAssertFalse(program.send(.kill))
    XCTAssertTrue(program.send(.kill, toProcessGroup: true))
    XCTAssertEqual(try program.standardOutput?.readToEnd(), [])
    XCTAssert(eventually { !hasRunningMembers(group: program.pid) })
  }

  func testAPollKeepsNoDescriptorWhenNobodyIsLeft() throws {
    let programs = try (0..<20).map { _ in try Popen(["true"]) }
    for program in programs { try program.wait() }
    let links = (3..<200).filter { number in
      var target = [CChar](repeating: 0, count: 64)
      return readlink("/proc/self/fd/\(number)", &target, 63) > 0
        && textOfFile("/proc/self/fdinfo/\(number)").contains("Pid:\t-1")
    }
    XCTAssertEqual(links, [])
    XCTAssertFalse(try XCTUnwrap(programs.first).send(.kill, toProcessGroup: true))
  }

  /// It tidies up in its own time, though the program has ended at once.
  func testWhatIsLeftBehindHasItsGrace() async throws {
    try requireGroupsOfTheDead()
    let script = "(trap 'sleep 0.3; echo tidy; exit' TERM; echo x; while :; do sleep 0.01; done) & sleep 3600"
    for isSuspended in [false, true] {
      let program = try speaker(["/bin/sh", "-c", script], grace: .seconds(100))
      let status = isSuspended ? try await program.end() : try end(program)
      XCTAssertEqual(status, .signaled(.terminate))
      XCTAssertEqual(try rest(of: program), Array("tidy\n".utf8))
    }
  }

  /// It has ended, and its parent, which is in another group, does not reap it.
  func testNobodyWaitsForTheDead() async throws {
    try requireGroupsOfTheDead()
    let leave = "if (!fork) { exit if !fork; setpgrp(0, \(getpgrp())); print qq($$\\n); sleep 3600 }"
    for isSuspended in [false, true] {
      let program = try Popen(
        ["perl", "-e", "$| = 1; \(leave); sleep 3600"], stdout: .pipe,
        options: .init(processGroup: 0, gracePeriod: .seconds(100_000)))
      let pid = try XCTUnwrap(Int32(XCTUnwrap(line(of: program))))
      let status = isSuspended ? try await program.end() : try end(program)
      XCTAssertEqual(status, .signaled(.terminate))
      XCTAssertTrue(isRunning(pid))
      kill(pid, SIGKILL)
      XCTAssert(eventually { !isRunning(pid) })
    }
  }

  private func line(of program: Popen) throws -> String? { try program.standardOutput?.readLine() }

  func testAGraceIsNotForEver() throws {
    try requireGroupsOfTheDead()
    let script = "(trap '' TERM; echo x; while :; do sleep 0.01; done) & sleep 3600"
    let program = try speaker(["/bin/sh", "-c", script], grace: .milliseconds(50))
    XCTAssertEqual(try program.end(), .signaled(.terminate))
    XCTAssert(eventually { !hasRunningMembers(group: program.pid) })
  }

  /// It has joined this process' group, which must not be signalled.
  func testAProgramThatLeavesItsGroup() async throws {
    for script in ["$SIG{TERM} = 'DEFAULT'", "$SIG{TERM} = 'IGNORE'"] {
      for isSuspended in [false, true] {
        let program = try leaver(script)
        XCTAssertEqual(getpgid(program.pid), getpgrp())
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
        XCTAssertNotNil(program.poll())
      }
    }
  }

  func testASignalForAProgramThatHasLeftItsGroup() throws {
    let program = try leaver("")
    XCTAssertTrue(program.send(.terminate, toProcessGroup: true))
    XCTAssertEqual(try program.wait(), .signaled(.terminate))
  }
}
