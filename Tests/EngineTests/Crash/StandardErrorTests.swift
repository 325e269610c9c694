import CEngineTestSupport
import CMultiprocessing
import Glibc
import MultiprocessingEngine
import XCTest

/// The stream in place of `stderr` behaves as `stderr` does.
final class StandardErrorTests: XCTestCase {
  func testEverythingIsPassedOnAtOnceAndInOrder() throws {
    let outcome = try CrashChild.run { _ in
      printError("one ")
      write(STDERR_FILENO, "two ", 4)
      printError("three\n")
      _exit(0)
    }
    XCTAssertEqual(outcome.standardErrorText, "one two three\n")
    XCTAssertEqual(outcome.frames, [])
  }

  func testManyThreadsLoseNothingAndTearNoLine() throws {
    let outcome = try CrashChild.run { _ in
      let threads = (0..<4).map { number in
        startThread {
          for line in 0..<500 {
            printError("\(number):\(line):" + String(repeating: "x", count: line % 90) + "\n")
          }
        }
      }
      for thread in threads { pthread_join(thread, nil) }
      _ = crashByNull(opaque(8))
    }
    let lines = outcome.standardErrorText.split(separator: "\n")
    XCTAssertEqual(Set(lines).count, 2_000)
    XCTAssert(
      lines.allSatisfy { line in
        let parts = line.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 3 && Int(parts[1]).map { parts[2].count == $0 % 90 } == true
      })
    let record = try outcome.record()
    XCTAssertEqual(record.standardErrorTail.count, Int(MP_CRASH_MESSAGE_LIMIT))
    XCTAssert(outcome.standardError.suffix(record.standardErrorTail.count) == record.standardErrorTail[...])
  }

  func testANonBlockingDescriptorLosesNothing() throws {
    let text = String(repeating: "0123456789", count: 100_000)
    let outcome = try CrashChild.run { _ in
      XCTAssertEqual(fcntl(STDERR_FILENO, F_SETFL, fcntl(STDERR_FILENO, F_GETFL) | O_NONBLOCK), 0)
      let taken = ets_write_stderr(text, text.utf8.count)
      _exit(taken ? 0 : 1)
    }
    XCTAssertEqual(outcome.exitCode, 0)
    XCTAssert(outcome.standardErrorText == text)
  }

  func testAClosedDescriptorIsAnErrorAsEver() throws {
    let outcome = try CrashChild.run { _ in
      close(STDERR_FILENO)
      _exit(ets_write_stderr("lost", 4) ? 1 : 0)
    }
    XCTAssertEqual(outcome.exitCode, 0)
  }

  func testItIsStillDescriptorTwo() throws {
    var path = Array("/tmp/crash-test-XXXXXX".utf8CString)
    close(mkstemp(&path))
    let name = String(decoding: path.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { unlink(name) }
    let outcome = try CrashChild.run { _ in
      guard ets_stderr_descriptor() == STDERR_FILENO else { _exit(1) }
      guard ets_reopen_stderr(name), ets_stderr_descriptor() == STDERR_FILENO else { _exit(2) }
      printError("to the file")
      // As every stream that was opened anew, it has a buffer now.
      fflush(nil)
      _exit(0)
    }
    XCTAssertEqual(outcome.exitCode, 0)
    XCTAssertEqual(outcome.standardErrorText, "")
    XCTAssertEqual(try String(contentsOfFile: name, encoding: .utf8), "to the file")
  }
}
