import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Programs that are started by a program with a terminal.
final class ProgramTerminalTests: AuditedTestCase {
  /// The fixture, on a terminal of its own.
  private func start(_ scene: String) throws -> (program: Popen, input: Popen.OutputStream, output: Popen.InputStream) {
    let program = try Popen(
      [TestProgram.path(of: "fixture"), scene], stdin: .pipe, stdout: .pipe,
      options: .init(pseudoTerminal: true, gracePeriod: .zero))
    return (program, try XCTUnwrap(program.standardInput), try XCTUnwrap(program.standardOutput))
  }

  func testAProgramMayAskOnTheTerminal() throws {
    let (program, input, output) = try start("prompt")
    defer { _ = try? program.end() }
    var text = ""
    while !text.hasSuffix("word: ") {
      let bytes = try output.read(upTo: 100, timeout: .seconds(60))
      if bytes.isEmpty { return XCTFail("it ends with \(text)") }
      text += String(decoding: bytes, as: UTF8.self)
    }
    try input.write("secret\n")
    let rest = String(decoding: try output.readToEnd(timeout: .seconds(60)), as: UTF8.self)
    XCTAssert(rest.contains("got secret"), rest)
    XCTAssertEqual(try program.wait(), .exited(0))
  }

  func testCtrlCReachesBoth() throws {
    let (program, input, output) = try start("foreground")
    defer { _ = try? program.end() }
    let pids = try (0..<2).map { _ in
      try XCTUnwrap(output.readLine(timeout: .seconds(60)).flatMap { Int32($0.filter(\.isNumber)) })
    }
    XCTAssertEqual(getpgid(pids[0]), pids[0])
    XCTAssertEqual(getpgid(pids[1]), program.pid)
    try input.write("\u{3}")
    XCTAssertEqual(try program.wait(timeout: .seconds(60)), .signaled(.interrupt))
    XCTAssert(eventually { !isRunning(pids[1]) })
    XCTAssertTrue(isRunning(pids[0]), "it asked for a group of its own")
    kill(pids[0], SIGKILL)
    XCTAssert(eventually { !isRunning(pids[0]) })
  }
}
