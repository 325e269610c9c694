import Foundation
import Multiprocessing
import TestSupport
import XCTest

/// Programs as somebody writes them who has read no more than the documentation, in a file that imports Foundation.
final class ProgramSpellingTests: TaskTestCase {
  func testAStart() throws {
    let program = try Popen(["sleep", "3600"])
    XCTAssertGreaterThan(program.pid, 0)
    XCTAssertNil(program.poll())
    XCTAssertNil(program.terminationStatus)
    XCTAssertNil(program.returnCode)
    XCTAssertNil(program.standardInput)
    XCTAssertNil(program.standardOutput)
    XCTAssertNil(program.standardError)
    XCTAssertThrowsError(try program.wait(timeout: .milliseconds(10))) { XCTAssert($0 is TimeoutError) }
    program.terminate()
    let status: TerminationStatus = try program.wait()
    XCTAssertEqual(status, .signaled(.terminate))
    XCTAssertEqual(program.poll(), .signaled(.terminate))
    XCTAssertEqual(program.returnCode, -15)
    program.terminate()
    program.kill()
    program.send(.interrupt)
  }

  func testStreams() throws {
    let program = try Popen(
      ["/bin/sh", "-c", "cat; echo to stderr >&2; exit 3"], stdin: .pipe, stdout: .pipe, stderr: .pipe)
    let input: Popen.OutputStream = try XCTUnwrap(program.standardInput)
    let output: Popen.InputStream = try XCTUnwrap(program.standardOutput)
    try input.write(Array("one\ntwo\n".utf8))
    XCTAssertEqual(try output.read(upTo: 4), Array("one\n".utf8))
    try input.write([UInt8(ascii: "x")])
    input.close()
    XCTAssertEqual(try output.readToEnd(), Array("two\nx".utf8))
    var lines: [String] = []
    for line in try XCTUnwrap(program.standardError).lines { lines.append(line) }
    XCTAssertEqual(lines, ["to stderr"])
    XCTAssertEqual(try program.wait().exitCode, 3)
  }

  func testRedirections() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/file"
    try Popen(["echo", "first"], stdout: .path(path, append: false)).wait()
    try Popen(["echo", "second"], stdout: .path(path, append: true)).wait()
    let file = open(path, O_RDONLY)
    defer { close(file) }
    let program = try Popen(
      ["/bin/sh", "-c", "cat; echo err >&2"], stdin: .fileDescriptor(file), stdout: .pipe, stderr: .combinedWithOutput)
    XCTAssertEqual(try program.standardOutput?.readToEnd(), Array("first\nsecond\nerr\n".utf8))
    try program.wait()
    try Popen(["cat"], stdin: .null, stdout: .null, stderr: .inherit).wait()
  }

  func testSettings() throws {
    let options = Popen.Options(newSession: true, umask: 0o27, outputLimit: 1 << 20)
    var others = Popen.Options()
    others.processGroup = 0
    others.diesWithParent = true
    others.passDescriptors = []
    let completed = try Popen.run(
      ["/bin/sh", "-c", "umask; pwd; echo $GREETING"], workingDirectory: "/",
      environment: .inherit.updating(["GREETING": "hello", "HOME": nil]), options: options)
    XCTAssertEqual(completed.outputText, "0027\n/\nhello\n")
    XCTAssertEqual(try Popen.run(["env"], environment: .custom(["A": "b"]), options: others).outputText, "A=b\n")
  }

  func testRun() throws {
    let completed: Completed = try Popen.run(["sort"], input: Array("b\na\n".utf8), check: true, timeout: .seconds(60))
    XCTAssertEqual(completed.arguments, ["sort"])
    XCTAssertEqual(completed.status, .exited(0))
    XCTAssertEqual(completed.output, Array("a\nb\n".utf8))
    XCTAssertEqual(completed.error, [])
    XCTAssertEqual(completed.outputText + completed.errorText, "a\nb\n")
    XCTAssertEqual(try Popen.run(["/bin/sh", "-c", "echo no >&2"], stderr: .combinedWithOutput).outputText, "no\n")
    do {
      try print(Popen.run(["/bin/sh", "-c", "echo trouble >&2; exit 4"], check: true))
      XCTFail("no error")
    } catch PopenError.failed(let completed) {
      XCTAssertEqual(completed.status, .exited(4))
      XCTAssertEqual(completed.errorText, "trouble\n")
    }
    do {
      _ = try Popen.run(["no-such-program"])
      XCTFail("no error")
    } catch PopenError.notFound(let name) {
      XCTAssertEqual(name, "no-such-program")
    }
    do {
      _ = try Popen.run(["/bin/sh", "-c", "echo out; echo err >&2; sleep 3600"], timeout: .milliseconds(500))
      XCTFail("no error")
    } catch let error as TimeoutError {
      XCTAssertEqual(error.timeout, .milliseconds(500))
      XCTAssertNotNil(error.partialOutput)
      XCTAssertNotNil(error.partialError)
    }
  }

  func testCommunicate() throws {
    let program = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    let (output, error) = try program.communicate(input: Array("through".utf8), timeout: .seconds(60))
    XCTAssertEqual(output, Array("through".utf8))
    XCTAssertEqual(error, [])
    XCTAssertEqual(try Popen(["true"]).communicate().output, [])
  }

  func testTasks() async throws {
    let program = try Popen(["/bin/sh", "-c", "cat; echo last"], stdin: .pipe, stdout: .pipe)
    let input = try XCTUnwrap(program.standardInput)
    let output = try XCTUnwrap(program.standardOutput)
    try await input.write(Array("one\ntwo\nthree\n".utf8))
    let bytes = try await output.read(upTo: 4)
    XCTAssertEqual(bytes, Array("one\n".utf8))
    input.close()
    var lines: [String] = []
    for try await line in output.lines { lines.append(line) }
    XCTAssertEqual(lines, ["two", "three", "last"])
    let status = try await program.wait(timeout: .seconds(60))
    XCTAssertEqual(status, .exited(0))
    let completed = try await Popen.run(["cat"], input: [65], check: true)
    XCTAssertEqual(completed.outputText, "A")
    let other = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    let (text, _) = try await other.communicate(input: [66], timeout: .seconds(60))
    XCTAssertEqual(text, [66])
    let rest = try await Popen(["echo", "x"], stdout: .pipe).standardOutput?.readToEnd()
    XCTAssertEqual(rest, Array("x\n".utf8))
  }

  func testTheTypesOfOthersStayTheirs() throws {
    // Foundation has classes of these names.
    XCTAssertNotNil(InputStream(data: Data([1])))
    XCTAssertNotNil(OutputStream(toMemory: ()))
    XCTAssertEqual(try Popen.run(["echo", "x"]).outputText, "x\n")
  }
}
