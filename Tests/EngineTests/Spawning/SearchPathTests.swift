import Glibc
import XCTest

@testable import MultiprocessingEngine

/// Where a program's name leads, and how strings are laid out for C, without a program.
final class SearchPathTests: XCTestCase {
  private func candidates(_ name: String, _ path: String?) -> [String] {
    SearchPath.candidates(for: Array(name.utf8), path: path.map { Array($0.utf8) }).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  func testCandidates() {
    XCTAssertEqual(candidates("ls", "/a:/b"), ["/a/ls", "/b/ls"])
    XCTAssertEqual(candidates("ls", ":/a::"), ["ls", "/a/ls", "ls", "ls"])
    XCTAssertEqual(candidates("ls", ""), ["ls"])
    XCTAssertEqual(candidates("./ls", "/a:/b"), ["./ls"])
    XCTAssertEqual(candidates("/x/ls", "/a"), ["/x/ls"])
    XCTAssertEqual(candidates("", "/a"), [""])
    XCTAssertEqual(candidates("ls", nil), ["/bin/ls", "/usr/bin/ls"])
  }

  func testThePathOfAnEnvironment() {
    XCTAssertEqual(SearchPath.value(in: [Array("PATHS=x".utf8), Array("PATH=/a:/b".utf8)]), Array("/a:/b".utf8))
    XCTAssertNil(SearchPath.value(in: [Array("XPATH=/a".utf8)]))
    XCTAssertEqual(SearchPath.value(in: nil), getenv("PATH").map { Array(String(cString: $0).utf8) })
  }

  func testTables() {
    for strings in [[], [""], ["a", "", "bc"]] {
      let table = StringTable(strings.map { Array($0.utf8) })
      var read: [String] = []
      var next = table.list
      while let string = next.pointee {
        read.append(String(cString: string))
        next += 1
      }
      XCTAssertEqual(read, strings)
    }
  }
}
