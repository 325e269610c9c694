import CMultiprocessing
// Preconcurrency: `stdout` is a variable to Swift.
@preconcurrency import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Nothing is printed twice, and nothing is lost.
final class StandardStreamTests: AuditedTestCase {
  /// What a process that runs `body`, and its descendants, print into a file.
  private func printed(
    buffering: Int32 = _IOFBF, line: UInt = #line, _ body: @escaping @Sendable () throws -> Void
  ) throws -> TemporaryFile {
    let file = TemporaryFile()
    let process = Process {
      fflush(nil)
      dup2(file.descriptor, STDOUT_FILENO)
      setvbuf(stdout, nil, buffering, 1 << 16)
      try body()
    }
    try process.start()
    try process.join()
    XCTAssertEqual(process.exitCode, 0, line: line)
    return file
  }

  func testWhatTheParentHasBufferedIsPrintedOnce() throws {
    let file = try printed {
      print("parent", terminator: " ")
      for ending in 0..<4 {
        let child = Process {
          print("child\(ending)", terminator: " ")
          if ending == 1 { exit(0) }
          if ending == 2 { throw ProcessError.closed }
          if ending == 3 { TestThread { exit(0) }.join() }
        }
        try child.start()
        try child.join()
      }
      print("again", terminator: " ")
      try Process.run { print("last", terminator: " ") }
    }
    XCTAssertEqual(file.text, "parent child0 child1 child2 child3 again last ")
  }

  func testTheProgramsOwnStreams() throws {
    let file = TemporaryFile()
    try Process.run {
      // Safe: one thread at a time, in each process.
      nonisolated(unsafe) let stream = fdopen(file.descriptor, "w")!
      fputs("parent ", stream)
      let child = Process { _ = fputs("child ", stream) }
      try child.start()
      try child.join()
      fputs("again ", stream)
    }
    XCTAssertEqual(file.text.split(separator: " ").sorted(), ["again", "child", "parent"])
  }

  func testACrashOfAChildPrintsNothingOfTheParents() throws {
    let file = try printed {
      print("parent", terminator: " ")
      let child = Process { fatalError("on purpose") }
      try child.start()
      try child.join()
    }
    XCTAssertEqual(file.text, "parent ")
  }

  func testManyThreadsPrintWhileForksHappen() throws {
    let lines = 400
    let threads = 4
    let filling = String(repeating: "x", count: 60)
    var expected = (0..<40).map { "child \($0)" }
    for thread in 0..<threads { expected += (0..<lines).map { "thread \(thread) line \($0) \(filling)" } }
    for buffering in [_IOFBF, _IOLBF] {
      let file = try printed(buffering: buffering) {
        _ = concurrently(threads + 1) { number in
          if number == threads {
            for child in 0..<40 { try! Process.run { print("child \(child)") } }
          } else {
            for line in 0..<lines { print("thread \(number) line \(line) \(filling)") }
          }
        }
      }
      if buffering == _IOLBF {
        XCTAssertEqual(file.lines.sorted(), expected.sorted())
      } else {
        // A full buffer may end inside a line, and a child's output may come there; but every byte comes once.
        XCTAssertTrue(file.text.utf8.sorted() == expected.map { $0 + "\n" }.joined().utf8.sorted())
      }
    }
  }

  // MARK: A thread that waits for input

  private func withABlockedReader(_ body: @escaping @Sendable () throws -> Void) throws {
    try Process.run(timeout: .seconds(60)) {
      let pipe = TestPipe()
      dup2(pipe.reader, STDIN_FILENO)
      let mailbox = Mailbox()
      // It holds the lock of the stream for as long as it waits.
      let reader = TestThread {
        mailbox.post("\(mp_gettid())")
        while getchar() != Int32(UInt8(ascii: "\n")) {}
      }
      let thread = try mailbox.next()
      precondition(eventually { isAsleep(thread) })
      try body()
      pipe.write([UInt8(ascii: "\n")])
      reader.join()
    }
  }

  func testStartsWhileAThreadWaitsForInput() throws {
    try withABlockedReader {
      for number in 0..<5 {
        let process = Process(target: { number * 2 })
        try process.start()
        let result = try process.result(timeout: .seconds(30))
        precondition(result == number * 2)
      }
    }
  }

  func testAChildReadsWhileAThreadOfTheParentWaitsForInput() throws {
    try withABlockedReader {
      try Process.run(timeout: .seconds(30)) {
        let pipe = TestPipe()
        dup2(pipe.reader, STDIN_FILENO)
        pipe.write(Array("input\n".utf8))
        precondition(readLine() == "input")
      }
    }
  }

  func testTheEndWhileAThreadWaitsForInput() throws {
    let value = try Process.run(timeout: .seconds(60)) { () -> Int in
      let pipe = TestPipe()
      dup2(pipe.reader, STDIN_FILENO)
      let mailbox = Mailbox()
      let reader = TestThread {
        mailbox.post("\(mp_gettid())")
        _ = getchar()
      }
      let thread = try mailbox.next()
      precondition(eventually { isAsleep(thread) })
      _ = consume reader
      return 42
    }
    XCTAssertEqual(value, 42)
  }
}

/// Whether a thread of this process sleeps in the kernel.
private func isAsleep(_ thread: String) -> Bool {
  textOfFile("/proc/self/task/\(thread)/stat").contains(") S ")
}
