import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// A program's streams, as they come.
final class ProgramStreamTests: AuditedTestCase {
  func testBytesAsTheyCome() throws {
    let program = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    let (input, output) = (try XCTUnwrap(program.standardInput), try XCTUnwrap(program.standardOutput))
    assertThrows(TimeoutError(operation: "what a program writes", timeout: .milliseconds(10))) {
      try output.read(upTo: 10, timeout: .milliseconds(10))
    }
    try input.write([1, 2, 3, 4, 5])
    XCTAssertEqual(try output.read(upTo: 2), [1, 2])
    XCTAssertEqual(try output.read(upTo: 2), [3, 4])
    XCTAssertEqual(try output.read(upTo: 200), [5])
    assertThrows(TimeoutError(operation: "what a program writes", timeout: .zero)) {
      try output.read(upTo: 10, timeout: .seconds(-1))
    }
    guard case .invalidArgument? = thrown(PopenError.self, by: { try output.read(upTo: 0) }) else { return XCTFail() }
    try input.write([])
    try input.write("text")
    XCTAssertThrowsError(try output.readToEnd(timeout: .milliseconds(50))) { XCTAssert($0 is TimeoutError) }
    input.close()
    input.close()
    XCTAssertTrue(input.isClosed)
    assertThrows(PopenError.closed) { try input.write([1]) }
    // A wait in vain has lost nothing.
    XCTAssertEqual(try output.readToEnd(), Array("text".utf8))
    XCTAssertEqual(try output.readToEnd(), [])
    XCTAssertEqual(try output.read(upTo: 1), [])
    XCTAssertNil(try output.readLine())
    XCTAssertEqual(output.fileDescriptor, -1)
    XCTAssertEqual(try program.wait(), .exited(0))
  }

  func testLines() throws {
    func lines(_ format: String) throws -> [String] {
      Array(try XCTUnwrap(Popen(["printf", format], stdout: .pipe).standardOutput).lines)
    }
    XCTAssertEqual(try lines("a\\nbc\\n\\nd"), ["a", "bc", "", "d"])
    XCTAssertEqual(try lines("a\\r\\nb\\n"), ["a\r", "b"])
    XCTAssertEqual(try lines(""), [])
    XCTAssertEqual(try lines("\\n"), [""])
    XCTAssertEqual(try lines("x\\377y\\n"), ["x\u{FFFD}y"])
    XCTAssertEqual(try lines("é🙂\\n"), ["é🙂"])
  }

  func testALoopMayEndEarlyAndAnotherGoOn() throws {
    let program = try Popen(["seq", "100000"], stdout: .pipe)
    let output = try XCTUnwrap(program.standardOutput)
    for line in output.lines where line == "10" { break }
    XCTAssertEqual(try output.readLine(), "11")
    XCTAssertEqual(try output.read(upTo: 3), Array("12\n".utf8))
    var count = 12
    for line in output.lines {
      count += 1
      if line != "\(count)" { return XCTFail("\(line) for \(count)") }
    }
    XCTAssertEqual(count, 100_000)
    XCTAssertEqual(try program.wait(), .exited(0))
  }

  func testLinesWhileItRuns() throws {
    let program = try Popen(["/bin/sh", "-c", "while read x; do echo got $x; done"], stdin: .pipe, stdout: .pipe)
    let (input, output) = (try XCTUnwrap(program.standardInput), try XCTUnwrap(program.standardOutput))
    for number in 0..<50 {
      try input.write("\(number)\n")
      XCTAssertEqual(try output.readLine(timeout: .seconds(60)), "got \(number)")
    }
    input.close()
    XCTAssertNil(try output.readLine())
    try program.wait()
  }

  func testAProgramThatReadsNoMore() throws {
    let program = try Popen(["true"], stdin: .pipe)
    try program.wait()
    assertThrows(PopenError.system(errno: EPIPE)) { try XCTUnwrap(program.standardInput).write([1]) }
    var pending = sigset_t()
    sigpending(&pending)
    XCTAssertEqual(sigismember(&pending, SIGPIPE), 0)
  }

  func testAProgramThatDoesNotRead() throws {
    let program = try Popen(["sleep", "3600"], stdin: .pipe)
    let much = [UInt8](repeating: 0, count: 1 << 20)
    assertThrows(TimeoutError(operation: "a program to read", timeout: .milliseconds(50))) {
      try XCTUnwrap(program.standardInput).write(much, timeout: .milliseconds(50))
    }
    try program.end()
  }

  func testALimitForWhatIsCollected() throws {
    let options = Popen.Options(outputLimit: 10)
    let program = try Popen(["printf", "0123456789"], stdout: .pipe, options: options)
    XCTAssertEqual(try program.standardOutput?.readToEnd(), Array("0123456789".utf8))
    let other = try Popen(["printf", "0123456789x\\n"], stdout: .pipe, options: options)
    assertThrows(PopenError.outputLimitExceeded(10)) { try other.standardOutput?.readToEnd() }
    assertThrows(PopenError.outputLimitExceeded(10)) {
      try Popen(["cat", "/dev/zero"], stdout: .pipe, options: options).standardOutput?.readLine()
    }
    // What has come is there.
    XCTAssertEqual(try other.standardOutput?.read(upTo: 20), Array("0123456789x\n".utf8))
    try program.wait()
    try other.wait()
  }

  /// Whether its end has come with it or not.
  func testALimitForLines() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("abcde\nabcdef\n", to: "lines")
    let program = try Popen(["cat", path], stdout: .pipe, options: .init(outputLimit: 5))
    XCTAssert(eventually { processState(program.pid) == "Z" })
    XCTAssertEqual(try program.standardOutput?.readLine(), "abcde")
    for _ in 0..<2 { assertThrows(PopenError.outputLimitExceeded(5)) { try program.standardOutput?.readLine() } }
    XCTAssertEqual(try program.standardOutput?.read(upTo: 20), Array("abcdef\n".utf8))
    try program.wait()
    let other = try Popen(["printf", "abcdef"], stdout: .pipe, options: .init(outputLimit: 5))
    try other.wait()
    assertThrows(PopenError.outputLimitExceeded(5)) { try other.standardOutput?.readLine() }
  }

  func testAStreamOutlivesItsProgramsObject() throws {
    let output = try XCTUnwrap(Popen(["/bin/sh", "-c", "cat; echo x"], stdin: .null, stdout: .pipe).standardOutput)
    XCTAssertEqual(try output.readToEnd(), Array("x\n".utf8))
  }

  func testOneProgramReadsWhatAnotherWrites() throws {
    let first = try Popen(["seq", "3"], stdout: .pipe)
    let output = try XCTUnwrap(first.standardOutput)
    let second = try Popen(["wc", "-l"], stdin: .fileDescriptor(output.fileDescriptor), stdout: .pipe)
    output.close()
    XCTAssertEqual(try second.communicate().output.filter { $0 != 32 }, Array("3\n".utf8))
    try first.wait()
  }

  func testAChildOfThisProcessHasNoPartInIt() throws {
    let program = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    let pid = program.pid
    let outcomes = try Multiprocessing.Process.run(timeout: .seconds(60)) { () -> [String] in
      func outcome(_ body: () throws -> Void) -> String {
        do {
          try body()
          return "nothing"
        } catch {
          return "\(type(of: error))"
        }
      }
      return [
        outcome { try program.wait() }, outcome { if !program.send(.kill) { throw ProcessError.notParent } },
        outcome { _ = try program.communicate() },
        outcome { try program.standardInput?.write([1]) }, outcome { _ = try program.standardOutput?.read(upTo: 1) },
        "\(program.poll().map { "\($0)" } ?? "nil")", "\(program.pid == pid)",
      ]
    }
    XCTAssertEqual(
      outcomes, ["ProcessError", "ProcessError", "ProcessError", "PopenError", "PopenError", "nil", "true"])
    XCTAssertEqual(try program.communicate(input: [7]).output, [7])
  }

  // MARK: Terminals

  func testATerminal() throws {
    let program = try Popen(
      ["/bin/sh", "-c", "tty <&0; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && stty size; read x </dev/tty; echo got $x"],
      stdin: .pipe, stdout: .pipe, options: .init(pseudoTerminal: true))
    let output = try XCTUnwrap(program.standardOutput)
    XCTAssert(try XCTUnwrap(output.readLine()).hasPrefix("/dev/pts/"))
    XCTAssertEqual(try output.readLine(), "24 80\r")
    try program.standardInput?.write("word\n")
    XCTAssertEqual(try output.readLine(), "word\r")
    XCTAssertEqual(try output.readLine(), "got word\r")
    XCTAssertNil(try output.readLine())
    XCTAssertEqual(try program.wait(), .exited(0))
  }

  func testTheEndOfATerminalsInput() throws {
    for (text, expected) in [("one\n", "one\none\n"), ("one", "oneone"), ("", "")] {
      let program = try Popen(["cat"], stdin: .pipe, stdout: .pipe, options: .init(pseudoTerminal: true))
      let output = try program.communicate(input: Array(text.utf8), timeout: .seconds(60)).output
      // The terminal shows Ctrl-D as two characters that it takes back.
      let seen = String(decoding: output, as: UTF8.self).filter { !"^D\u{8}".contains($0) }
      XCTAssertEqual(seen.replacing("\r\n", with: "\n"), expected)
      XCTAssertEqual(try program.wait(), .exited(0))
    }
  }

  func testTheErrorsOfAProgramOnATerminal() throws {
    let completed = try Popen.run(
      ["/bin/sh", "-c", "[ -t 1 ] && echo out; echo err >&2"], options: .init(pseudoTerminal: true))
    XCTAssertEqual(completed.outputText, "out\r\n")
    XCTAssertEqual(completed.errorText, "err\n")
  }
}
