import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// What has come and was not taken, without a program.
final class ReadingEndTests: AuditedTestCase {
  private func pipe() throws -> (end: ReadingEnd, write: (String) -> Void, close: () -> Void) {
    let pipe = try SharedPipe()
    var writer: SharedDescriptor? = pipe.writer
    let write = { (text: String) in
      XCTAssertEqual(Glibc.write(writer?.raw ?? -1, text, text.utf8.count), text.utf8.count)
    }
    return (ReadingEnd(pipe.reader), write, { writer = nil })
  }

  func testTaking() throws {
    let (end, write, close) = try pipe()
    XCTAssertEqual(try end.fill(), .nothing)
    XCTAssertEqual(end.take(), [])
    write("abcdef")
    XCTAssertEqual(try end.fill(), .some)
    XCTAssertEqual(end.take(upTo: 2), Array("ab".utf8))
    write("gh")
    XCTAssertEqual(try end.fill(), .some)
    XCTAssertEqual(end.count, 6)
    XCTAssertEqual(end.take(upTo: 5), Array("cdefg".utf8))
    XCTAssertEqual(end.take(), Array("h".utf8))
    XCTAssertNotNil(end.descriptor)
    close()
    XCTAssertEqual(try end.fill(), .end)
    XCTAssertNil(end.descriptor)
    XCTAssertEqual(try end.fill(), .end)
  }

  func testLines() throws {
    let (end, write, close) = try pipe()
    var lines: [String?] = []
    func step(_ text: String) throws {
      write(text)
      XCTAssertEqual(try end.fill(), .some)
      lines.append(try end.takeLine(limit: .max))
    }
    try step("ab")
    try step("c")
    try step("\nd\n\ne")
    lines += [try end.takeLine(limit: .max), try end.takeLine(limit: .max), try end.takeLine(limit: .max)]
    XCTAssertEqual(end.take(), Array("e".utf8))
    try step("f")
    close()
    XCTAssertEqual(try end.fill(), .end)
    lines += [try end.takeLine(limit: .max), try end.takeLine(limit: .max)]
    XCTAssertEqual(lines, [nil, nil, "abc", "d", "", nil, nil, "f", nil])
  }

  func testMuchOfIt() throws {
    let (end, write, _) = try pipe()
    let line = String(repeating: "x", count: 999)
    for round in 0..<200 {
      for _ in 0..<20 { write(line + "\n") }
      XCTAssertEqual(try end.fill(), .some)
      // Some stay, so that the beginning moves through the buffer.
      for _ in 0..<(round < 3 ? 10 : 20) { XCTAssertEqual(try end.takeLine(limit: .max), line) }
    }
    XCTAssertEqual(end.count, 30_000)
  }

  func testClosing() throws {
    let (end, write, close) = try pipe()
    write("ab")
    XCTAssertEqual(try end.fill(), .some)
    write("cd")
    end.close()
    end.close()
    XCTAssertEqual(try end.fill(), .end)
    XCTAssertEqual(end.take(), Array("ab".utf8))
    close()
  }
}
