import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Streams that are FIFOs: whoever waits for the other side waits alone.
final class ProgramFIFOTests: TaskTestCase {
  override var patience: Double { 240 }

  private func fifo(in folder: TemporaryFolder) throws -> String {
    let path = "\(folder.path)/fifo"
    XCTAssertEqual(mkfifo(path, 0o600), 0)
    return path
  }

  /// Whether this process has the file open.
  private func hasOpen(_ path: String) -> Bool {
    (3..<200).contains { number in
      var target = [CChar](repeating: 0, count: 256)
      let count = readlink("/proc/self/fd/\(number)", &target, 255)
      return count > 0 && target.prefix(count).elementsEqual(path.utf8CString.dropLast())
    }
  }

  /// Descriptors, programs and children of other threads.
  private func liveMeanwhile() throws {
    XCTAssertEqual(try Popen.run(["cat"], input: [65]).output, [65])
    XCTAssertEqual(try Popen.run(["cat"], input: [66], options: .init(diesWithParent: true)).output, [66])
  }

  func testAReaderWaitsForAWriter() throws {
    let folder = try TemporaryFolder()
    let path = try fifo(in: folder)
    let outcomes = Mailbox()
    let thread = TestThread {
      do {
        let program = try Popen(["cat"], stdin: .path(path), stdout: .pipe)
        outcomes.post("started")
        outcomes.post(String(decoding: try program.communicate().output, as: UTF8.self))
      } catch {
        outcomes.post("\(error)")
      }
    }
    XCTAssert(eventually { hasOpen(path) })
    try liveMeanwhile()
    XCTAssertEqual(try outcomes.waiting(), [], "nobody writes yet")
    let writer = open(path, O_WRONLY)
    // Nothing was written yet, and the program is there.
    XCTAssertEqual(try outcomes.next(), "started")
    XCTAssertEqual(write(writer, "abc", 3), 3)
    close(writer)
    XCTAssertEqual(try outcomes.next(), "abc")
    thread.join()
  }

  func testAWriterThatComesAndGoes() throws {
    let folder = try TemporaryFolder()
    let path = try fifo(in: folder)
    for text in ["", "abc"] {
      let writer = TestThread {
        let writer = open(path, O_WRONLY)
        _ = write(writer, text, text.utf8.count)
        close(writer)
      }
      let program = try Popen(["cat"], stdin: .path(path), stdout: .pipe)
      XCTAssertEqual(try program.communicate().output, Array(text.utf8))
      writer.join()
    }
  }

  func testAWriterWaitsForAReader() throws {
    let folder = try TemporaryFolder()
    let path = try fifo(in: folder)
    let outcomes = Mailbox()
    let thread = TestThread {
      do {
        outcomes.post("waits")
        outcomes.post("\(try Popen(["echo", "hello"], stdout: .path(path)).wait())")
      } catch {
        outcomes.post("\(error)")
      }
    }
    XCTAssertEqual(try outcomes.next(), "waits")
    for _ in 0..<5 { try liveMeanwhile() }
    XCTAssertEqual(try outcomes.waiting(), [], "nobody reads yet")
    XCTAssertEqual(try Popen.run(["cat", path]).outputText, "hello\n")
    XCTAssertEqual(try outcomes.next(), "exited with 0")
    thread.join()
  }

  func testOneProgramWritesToAnother() throws {
    let folder = try TemporaryFolder()
    let path = try fifo(in: folder)
    let bytes = [UInt8](repeating: 7, count: 300_000)
    let thread = TestThread {
      let program = try? Popen(["cat"], stdin: .pipe, stdout: .path(path))
      _ = try? program?.communicate(input: bytes)
    }
    let reader = try Popen(["cat"], stdin: .path(path), stdout: .pipe)
    XCTAssertEqual(try reader.communicate().output, bytes)
    thread.join()
  }

  /// Programs that know nothing of it get descriptors that block.
  func testProgramsWaitForTheirFiles() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("abc", to: "file")
    let script = "$f = fcntl(STDIN, 3, 0); $g = fcntl(STDOUT, 3, 0); print STDERR (($f | $g) & 2048)"
    for place in [path, "/dev/null"] {
      let program = try Popen(
        ["perl", "-e", script], stdin: .path(place), stdout: .path(place, append: true), stderr: .pipe)
      XCTAssertEqual(try program.communicate().error, Array("0".utf8), place)
      try program.wait()
    }
  }
}
