import Glibc
import Multiprocessing
import TestSupport
import XCTest

import class Multiprocessing.Process

/// Which descriptors a program has.
final class ProgramDescriptorTests: AuditedTestCase {
  /// Lists the numbers that the shell has open.
  private static let list = ["/bin/sh", "-c", "ls /proc/$$/fd; true"]

  private func numbers(passing passed: [Int32] = []) throws -> [Int32] {
    try Popen.run(Self.list, options: .init(passDescriptors: passed)).outputText.split(separator: "\n").compactMap {
      Int32($0)
    }.sorted()
  }

  func testItHasNoOthers() throws {
    let pipe = TestPipe()
    let high = fcntl(pipe.reader, F_DUPFD, 200)
    defer { close(high) }
    let queue = try Queue<Int>()
    let child = Process { sleep(3600) }
    try child.start()
    let other = try Popen(["sleep", "3600"], stdin: .pipe, stdout: .pipe, stderr: .pipe)
    XCTAssertEqual(try numbers(), [0, 1, 2])
    XCTAssertEqual(try numbers(passing: [high]), [0, 1, 2, high])
    XCTAssertEqual(try numbers(passing: [high, pipe.writer, high]), [0, 1, 2, pipe.writer, high])
    XCTAssertTrue(queue.isEmpty)
    try other.end()
    try child.kill()
    try child.join()
    try child.close()
  }

  func testNumbersBeyondTheLimit() throws {
    let list = Self.list
    let output = try Process.run(timeout: .seconds(100)) { () -> String in
      guard fcntl(1, F_DUPFD, 300) >= 300 else { return "no descriptor" }
      var limit = rlimit(rlim_cur: 100, rlim_max: 100)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      return try Popen.run(list).outputText
    }
    XCTAssertEqual(output, "0\n1\n2\n")
  }

  func testNoProgramKeepsAnothersPipe() throws {
    let first = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    let second = try Popen(["sleep", "3600"])
    let child = Process { sleep(3600) }
    try child.start()
    // The end of its input reaches the program: nobody else has the other end of the pipe.
    first.standardInput?.close()
    XCTAssertEqual(try first.standardOutput?.readToEnd(), [])
    XCTAssertEqual(try first.wait(), .exited(0))
    second.kill()
    try second.wait()
    try child.kill()
    try child.join()
  }

  func testAPassedDescriptorMayBeAStreamAsWell() throws {
    let pipe = TestPipe()
    pipe.write(Array("a\nb\n".utf8))
    let program = try Popen(
      ["/bin/sh", "-c", "read x; read y </proc/self/fd/\(pipe.reader); echo $x $y"],
      stdin: .fileDescriptor(pipe.reader), stdout: .pipe, options: .init(passDescriptors: [pipe.reader]))
    XCTAssertEqual(try program.communicate().output, Array("a b\n".utf8))
  }

  /// A fork that the program makes by itself hands nothing of the library's on to what it executes.
  func testAllAreClosedByExec() throws {
    let before = Set(openDescriptors())
    let queue = try Queue<Int>()
    let child = Process { sleep(3600) }
    try child.start()
    let piped = try Popen(["sleep", "3600"], stdin: .pipe, stdout: .pipe, stderr: .pipe)
    let onTerminal = try Popen(["sleep", "3600"], options: .init(pseudoTerminal: true))
    for stream in [piped.standardOutput, onTerminal.standardOutput] {
      // The wait makes what it needs.
      XCTAssertThrowsError(try stream?.read(upTo: 1, timeout: .milliseconds(1))) { XCTAssert($0 is TimeoutError) }
    }
    let new = openDescriptors().filter { !before.contains($0) }
    XCTAssertGreaterThan(new.count, 8)
    XCTAssertEqual(new.filter { fcntl($0, F_GETFD) & FD_CLOEXEC == 0 }, [])
    XCTAssertTrue(queue.isEmpty)
    try piped.end()
    try onTerminal.end()
    try child.kill()
    try child.join()
    try child.close()
  }

  private func openDescriptors() -> [Int32] { (0..<1024).filter { fcntl($0, F_GETFD) >= 0 } }

  /// Those of others that are opened meanwhile stay open.
  func testAStartThatFailsClosesNothingOfOthers() throws {
    let stop = Flag()
    let openers = try concurrentlyOpening(until: stop)
    for _ in 0..<200 {
      XCTAssertThrowsError(try Popen(["/no/such/program"], stdin: .pipe, stdout: .pipe, stderr: .pipe))
    }
    stop.raise()
    XCTAssertEqual(try openers.result(), [])
  }

  /// The descriptors that could not be closed, for somebody else had.
  private func concurrentlyOpening(until stop: Flag) throws -> Multiprocessing.Thread<[Int32]> {
    let thread = Multiprocessing.Thread { () -> [Int32] in
      var lost: [Int32] = []
      while !stop.isRaised {
        let numbers = (0..<10).map { _ in dup(STDIN_FILENO) }
        lost += numbers.filter { close($0) != 0 }
      }
      return lost
    }
    try thread.start()
    return thread
  }

  func testPassedDescriptorsWork() throws {
    let pipe = TestPipe()
    XCTAssertEqual(fcntl(pipe.writer, F_SETFD, FD_CLOEXEC), 0)
    let program = try Popen(
      ["/bin/sh", "-c", "echo through >/proc/self/fd/\(pipe.writer)"], options: .init(passDescriptors: [pipe.writer]))
    XCTAssertEqual(try program.wait(), .exited(0))
    var bytes = [UInt8](repeating: 0, count: 16)
    XCTAssertEqual(read(pipe.reader, &bytes, 16), 8)
    XCTAssertEqual(fcntl(pipe.writer, F_GETFD), FD_CLOEXEC)
  }

  func testAConnectionMayBePassed() throws {
    let (ours, theirs) = try Connection.pair()
    let number = theirs.fileDescriptor
    let program = try Popen(
      ["/bin/sh", "-c", "[ -S /proc/self/fd/\(number) ]"], options: .init(passDescriptors: [number]))
    XCTAssertEqual(try program.wait(), .exited(0))
    ours.close()
    theirs.close()
  }

  /// Standard streams from each other's numbers, in all permutations, in a process of its own whose streams are three files.
  func testPermutations() throws {
    let files = (0..<3).map { _ in TemporaryFile() }
    let failures = try Process.run(timeout: .seconds(100)) { () -> [String] in
      var failures: [String] = []
      for number in 0..<3 { dup2(files[number].descriptor, Int32(number)) }
      for order in [
        [0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 0, 0], [1, 1, 2], [2, 2, 0],
      ] {
        let program = try Popen(
          ["/bin/sh", "-c", "echo \(order)-0 >&0; echo \(order)-1 >&1; echo \(order)-2 >&2"],
          stdin: .fileDescriptor(Int32(order[0])), stdout: .fileDescriptor(Int32(order[1])),
          stderr: .fileDescriptor(Int32(order[2])))
        if try program.wait() != .exited(0) { failures.append("\(order): \(program.returnCode ?? -99)") }
        for target in 0..<3 where !files[order[target]].lines.contains("\(order)-\(target)") {
          failures.append("\(order): \(target)")
        }
      }
      return failures
    }
    XCTAssertEqual(failures, [])
  }

  func testErrorsGoWhereOutputGoes() throws {
    let file = TemporaryFile()
    let text = try capturing(STDOUT_FILENO) {
      try Popen(["/bin/sh", "-c", "echo a; echo b >&2"], stderr: .combinedWithOutput).wait()
    }
    XCTAssertEqual(text, "a\nb\n")
    try Popen(
      ["/bin/sh", "-c", "echo a; echo b >&2"], stdout: .fileDescriptor(file.descriptor), stderr: .combinedWithOutput
    ).wait()
    XCTAssertEqual(file.text, "a\nb\n")
    XCTAssertEqual(
      try Popen.run(["/bin/sh", "-c", "echo a; echo b >&2"], stderr: .null).outputText, "a\n")
  }

  func testWhatWasPrintedBeforeComesFirst() throws {
    let text = try capturing(STDOUT_FILENO) {
      print("before")
      try Popen(["echo", "program"]).wait()
      print("after")
    }
    XCTAssertEqual(text, "before\nprogram\nafter\n")
  }

  /// Numbers 0 to 2 may be free, and go to the library's own descriptors.
  func testAParentWithoutStandardStreams() throws {
    let notes = TemporaryFile()
    for mask in 0..<8 {
      let code = try Process.run(timeout: .seconds(100)) { () -> String in
        for number in 0..<3 where mask & 1 << number != 0 { close(Int32(number)) }
        let program = try Popen(
          ["/bin/sh", "-c", "cat; echo err >&2"], stdin: .pipe, stdout: .pipe, stderr: .pipe)
        let (output, error) = try program.communicate(input: Array("in".utf8))
        let file = try Popen(
          ["/bin/sh", "-c", "echo $(cat)"], stdin: .null, stdout: .fileDescriptor(notes.descriptor), stderr: .null)
        try file.wait()
        // What is closed here is closed there.
        let closed = try Popen(
          ["/bin/sh", "-c", "for n in 0 2; do [ -e /proc/self/fd/$n ] || printf $n; done"], stdout: .pipe)
        let list = String(decoding: try closed.communicate().output, as: UTF8.self)
        return String(decoding: output + error, as: UTF8.self) + "\(try program.wait()) \(list)"
      }
      let list = [0, 2].filter { mask & 1 << $0 != 0 }.map { "\($0)" }.joined()
      XCTAssertEqual(code, "inerr\nexited with 0 \(list)", "closed: \(mask)")
    }
  }
}
