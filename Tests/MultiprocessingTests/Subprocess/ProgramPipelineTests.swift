import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// `a | b | c` without a shell.
final class ProgramPipelineTests: TaskTestCase {
  private static let much = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

  func testPipelines() throws {
    let pipeline = try Popen.pipeline([["printf", "b\\na\\nb\\n"], ["sort"], ["uniq", "-c"]], stdout: .pipe)
    XCTAssertEqual(pipeline.processes.count, 3)
    XCTAssertNil(pipeline.standardInput)
    XCTAssertNil(pipeline.standardError)
    let lines = try XCTUnwrap(pipeline.standardOutput).lines.map { $0.filter { $0 != " " } }
    XCTAssertEqual(lines, ["1a", "2b"])
    XCTAssertEqual(try pipeline.wait(), [.exited(0), .exited(0), .exited(0)])
    let completed = try Popen.run(pipeline: [["cat"], ["cat"], ["cat"]], input: Self.much, check: true)
    XCTAssertEqual(completed.output, Self.much)
    XCTAssertEqual(completed.arguments, ["cat", "|", "cat", "|", "cat"])
    XCTAssertEqual(try Popen.run(pipeline: [["echo", "x"]]).outputText, "x\n")
  }

  func testInATask() async throws {
    let completed = try await Popen.run(pipeline: [["cat"], ["wc", "-c"]], input: Self.much)
    XCTAssertEqual(completed.outputText.filter(\.isNumber), "1048576")
    let pipeline = try Popen.pipeline([["cat"], ["cat"]], stdin: .pipe, stdout: .pipe)
    let output = try await pipeline.communicate(input: [7], timeout: .seconds(60)).output
    XCTAssertEqual(output, [7])
    let statuses = try await pipeline.wait()
    XCTAssertEqual(statuses, [.exited(0), .exited(0)])
  }

  func testAReaderThatHasEnough() throws {
    let completed = try Popen.run(pipeline: [["yes"], ["head", "-n", "2"]], check: true, timeout: .seconds(60))
    XCTAssertEqual(completed.outputText, "y\ny\n")
  }

  func testFailures() throws {
    let script = { (text: String) in ["/bin/sh", "-c", text] }
    XCTAssertEqual(try Popen.run(pipeline: [script("exit 3"), ["cat"]]).status, .exited(3))
    XCTAssertEqual(try Popen.run(pipeline: [["cat"], script("exit 4")]).status, .exited(4))
    XCTAssertEqual(try Popen.run(pipeline: [script("exit 3"), script("exit 4"), ["cat"]]).status, .exited(4))
    let completed = try Popen.run(pipeline: [script("echo a >&2; exit 3"), script("cat; echo b >&2")])
    XCTAssertEqual(completed.errorText.split(separator: "\n").sorted(), ["a", "b"])
    XCTAssertThrowsError(try Popen.run(pipeline: [script("exit 3"), ["cat"]], check: true)) { error in
      guard case PopenError.failed(let completed) = error else { return XCTFail("\(error)") }
      XCTAssertEqual(completed.status, .exited(3))
    }
  }

  func testErrorsInOneFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/errors"
    let commands = [["/bin/sh", "-c", "echo a >&2"], ["/bin/sh", "-c", "cat; echo b >&2"]]
    try Popen.pipeline(commands, stdout: .null, stderr: .path(path)).wait()
    XCTAssertEqual(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").sorted(), ["a", "b"])
    let combined = try Popen.run(pipeline: commands, stderr: .combinedWithOutput)
    XCTAssertEqual(combined.outputText, "a\nb\n")
  }

  func testWhatCannotBeStarted() throws {
    assertThrows(PopenError.notFound("no-such-program")) {
      try Popen.pipeline([["sleep", "3600"], ["cat"], ["no-such-program"]])
    }
    guard case .invalidArgument? = thrown(PopenError.self, by: { try Popen.pipeline([]) }) else { return XCTFail() }
    guard case .invalidArgument? = thrown(PopenError.self, by: { try Popen.pipeline([["true"], []]) }) else {
      return XCTFail("another error")
    }
    guard
      case .invalidArgument? = thrown(
        PopenError.self, by: { try Popen.pipeline([["true"], ["true"]], options: .init(pseudoTerminal: true)) })
    else { return XCTFail("another error") }
  }

  func testATimeoutEndsAll() throws {
    let pipeline = try Popen.pipeline(
      [["sleep", "3600"], ["/bin/sh", "-c", "echo x; sleep 3600 & wait"]], stdout: .pipe,
      options: .init(processGroup: 0))
    XCTAssertEqual(try pipeline.standardOutput?.readLine(), "x")
    assertThrows(
      TimeoutError(
        operation: "the end of sleep | /bin/sh", timeout: .milliseconds(5), partialOutput: [], partialError: [])
    ) {
      try pipeline.communicate(timeout: .milliseconds(5))
    }
    for process in pipeline.processes {
      XCTAssertEqual(process.poll(), .signaled(.terminate))
      XCTAssert(eventually { !hasRunningMembers(group: process.pid) })
    }
    let other = try Popen.pipeline([["sleep", "3600"], ["sleep", "3600"]])
    XCTAssertThrowsError(try other.wait(timeout: .milliseconds(5)))
    other.terminate()
    other.kill()
    XCTAssertEqual(try other.wait().count, 2)
  }
}
