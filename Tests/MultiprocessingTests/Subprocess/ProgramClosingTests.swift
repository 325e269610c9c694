import Glibc
import Multiprocessing
import TestSupport
import XCTest

import class Multiprocessing.Thread

/// Streams that are closed here while others wait for them.
final class ProgramClosingTests: TaskTestCase {
  private static let much = [UInt8](repeating: 7, count: 1 << 20)

  /// Waits until the thread sleeps in poll(2).
  private func awaitPoll(of thread: UInt64) {
    let calls = ["7", "271"]  // poll, ppoll
    XCTAssert(
      eventually(within: 60) {
        let text = textOfFile("/proc/self/task/\(thread)/syscall")
        return calls.contains(String(text.prefix { $0 != " " }))
      })
  }

  func testAReaderMeetsTheEnd() throws {
    for body in [
      { try $0.read(upTo: 10).isEmpty }, { try $0.readToEnd().isEmpty }, { try $0.readLine() == nil },
      { $0.lines.first { _ in true } == nil },
    ] as [@Sendable (Popen.InputStream) throws -> Bool] {
      let program = try Popen(["sleep", "3600"], stdout: .pipe)
      let output = try XCTUnwrap(program.standardOutput)
      let readers = (0..<3).map { _ in Thread { try body(output) } }
      for reader in readers { try reader.start() }
      for reader in readers { awaitPoll(of: try XCTUnwrap(reader.nativeID)) }
      output.close()
      XCTAssertEqual(try readers.map { try $0.result(timeout: .seconds(60)) }, [true, true, true])
      try program.end()
    }
  }

  func testTheProgramMeetsTheClosing() throws {
    let program = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    let (input, output) = (try XCTUnwrap(program.standardInput), try XCTUnwrap(program.standardOutput))
    let reader = Thread { try output.readToEnd() }
    try reader.start()
    awaitPoll(of: try XCTUnwrap(reader.nativeID))
    output.close()
    try reader.join()
    try input.write("x")
    XCTAssertEqual(try program.wait(timeout: .seconds(60)), .signaled(.brokenPipe))
  }

  func testAWriterIsTold() throws {
    let program = try Popen(["sleep", "3600"], stdin: .pipe)
    let input = try XCTUnwrap(program.standardInput)
    let writers = (0..<3).map { _ in Thread { try input.write(Self.much) } }
    for writer in writers { try writer.start() }
    for writer in writers { awaitPoll(of: try XCTUnwrap(writer.nativeID)) }
    input.close()
    for writer in writers { assertThrows(PopenError.closed) { try writer.result(timeout: .seconds(60)) } }
    try program.end()
  }

  func testCommunicateGoesOnWithoutTheStream() throws {
    let program = try Popen(["/bin/sh", "-c", "sleep 3600 & exec sleep 3600"], stdin: .pipe, stdout: .pipe)
    let talk = Thread { try program.communicate(input: Self.much).output }
    try talk.start()
    awaitPoll(of: try XCTUnwrap(talk.nativeID))
    program.standardInput?.close()
    program.standardOutput?.close()
    program.kill()
    XCTAssertEqual(try talk.result(timeout: .seconds(60)), [])
    program.send(.kill, toProcessGroup: true)
  }

  /// Whether they wait by then or not.
  func testTasks() async throws {
    for round in 0..<30 {
      let program = try Popen(["sleep", "3600"], stdin: .pipe, stdout: .pipe)
      let (input, output) = (try XCTUnwrap(program.standardInput), try XCTUnwrap(program.standardOutput))
      let read: @Sendable () async throws -> String? = { try await output.readLine() }
      let write: @Sendable () async throws -> Void = { try await input.write(Self.much) }
      let (reader, writer) = (Task(operation: read), Task(operation: write))
      for _ in 0..<round { await Task.yield() }
      output.close()
      input.close()
      let line = try await reader.value
      XCTAssertNil(line)
      do {
        try await writer.value
        XCTFail("nobody reads")
      } catch {
        XCTAssertEqual(error as? PopenError, .closed)
      }
      program.kill()
      try await program.wait()
    }
  }

  func testAClosingAtAnyMoment() throws {
    for _ in 0..<300 {
      let other = try Popen(["true"], stdin: .pipe, stdout: .pipe)
      let output = try XCTUnwrap(other.standardOutput)
      let reader = Thread { try output.readToEnd() }
      try reader.start()
      output.close()
      XCTAssertEqual(try reader.result(timeout: .seconds(60)), [])
      try other.wait()
    }
  }

  // MARK: Terminals

  /// It has no room for the sign of the end when it is closed.
  func testTheEndOfAFullTerminalsInput() throws {
    let gate = TestPipe()
    let script = "stty -echo; echo ready; read x </proc/self/fd/\(gate.reader); exec wc -l"
    let program = try Popen(
      ["/bin/sh", "-c", script], stdin: .pipe, stdout: .pipe,
      options: .init(passDescriptors: [gate.reader], pseudoTerminal: true))
    let (input, output) = (try XCTUnwrap(program.standardInput), try XCTUnwrap(program.standardOutput))
    XCTAssertEqual(try output.readLine(), "ready\r")
    let line = [UInt8](repeating: 7, count: 99) + [10]
    var count = 0
    // Until it takes no more; the last line may be there in part.
    while (try? input.write(line, timeout: .milliseconds(50))) != nil { count += 1 }
    input.close()
    XCTAssertTrue(input.isClosed)
    gate.write([10])
    let lines = try XCTUnwrap(Int(XCTUnwrap(output.readLine(timeout: .seconds(60))).filter(\.isNumber)))
    XCTAssert([count, count + 1].contains(lines), "\(lines) of \(count)")
    XCTAssertEqual(try program.wait(timeout: .seconds(60)), .exited(0))
  }
}
