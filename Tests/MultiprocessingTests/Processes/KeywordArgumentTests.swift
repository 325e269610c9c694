import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Arguments by name.
final class KeywordArgumentTests: AuditedTestCase {
  private struct Greeting: Decodable {
    var test: String
    var test2: String
  }

  private struct Options: Decodable {
    var count: Int
    var label: String?
    var ratio = 0.5

    private enum CodingKeys: String, CodingKey {
      case count, label
    }
  }

  private static func greet(_ greeting: Greeting) -> String { "\(greeting.test) \(greeting.test2)" }
  private static func list(_ options: Options) -> String {
    "\(options.count) \(options.label ?? "nil") \(options.ratio)"
  }

  private func result<Output: Sendable>(_ process: Multiprocessing.Process<Output>) throws -> Output {
    try process.start()
    return try process.result()
  }

  func testAnyOrder() throws {
    XCTAssertEqual(
      try result(Process(target: Self.greet, kwargs: ["test2": "테스트입니다2", "test": "테스트입니다"])),
      "테스트입니다 테스트입니다2")
    XCTAssertEqual(
      try result(
        Process(target: Self.greet, kwargs: ["test": "a", "test2": "b"], name: "named", daemon: true)),
      "a b")
  }

  func testOptionalFieldsMayBeLeftOut() throws {
    XCTAssertEqual(try result(Process(target: Self.list, kwargs: ["count": 3])), "3 nil 0.5")
    XCTAssertEqual(try result(Process(target: Self.list, kwargs: ["count": 3, "label": "x"])), "3 x 0.5")
    XCTAssertEqual(
      try result(Process(target: Self.list, kwargs: ["label": nil as String?, "count": 3])), "3 nil 0.5")
    XCTAssertEqual(
      try result(Process(target: Self.list, kwargs: ["label": "y" as String?, "count": 3])), "3 y 0.5")
  }

  func testStructuredValues() throws {
    struct Item: Codable, Sendable, Equatable { var tags: [String: [Int]] }
    struct Parameters: Decodable {
      var items: [Item]
      var limit: Double
    }
    XCTAssertEqual(
      try result(
        Process(
          target: { (parameters: Parameters) in parameters.items },
          kwargs: ["limit": 1.5, "items": [Item(tags: ["a": [1, 2]]), Item(tags: [:])]])),
      [Item(tags: ["a": [1, 2]]), Item(tags: [:])])
  }

  func testByPositionAndByName() throws {
    let process = Process(
      target: { (a: Int, b: String, greeting: Greeting) in "\(a) \(b) \(greeting.test) \(greeting.test2)" },
      args: (1, "two"), kwargs: ["test2": "four", "test": "three"])
    XCTAssertEqual(try result(process), "1 two three four")
    let mailbox = Mailbox()
    let silent = Process(
      target: { (a: Int, greeting: Greeting) in mailbox.post("\(a) \(greeting.test)") }, args: (1),
      kwargs: ["test": "x", "test2": "y"])
    XCTAssertNoThrow(try result(silent))
    XCTAssertEqual(try mailbox.next(), "1 x")
  }

  // MARK: Mistakes

  /// `start()` refuses, again and again, and names the key; no child is born.
  private func check<Output: Sendable>(
    _ process: Multiprocessing.Process<Output>, mentions parts: String..., line: UInt = #line
  ) {
    for _ in 0..<2 {
      let error = thrown(ProcessError.self, line: line) { try process.start() }
      guard case .unsupportedArgument(let text) = error else {
        return XCTFail("\(String(describing: error))", line: line)
      }
      for part in parts { XCTAssert(text.contains(part), text, line: line) }
      XCTAssertEqual(childProcesses(of: getpid()), [], line: line)
      XCTAssertNil(process.pid, line: line)
    }
  }

  func testMissing() {
    check(Process(target: Self.greet, kwargs: ["test": "a"]), mentions: "'test2'", "missing")
    check(Process(target: Self.list, kwargs: [:]), mentions: "'count'", "missing")
  }

  func testUnexpected() {
    check(
      Process(target: Self.greet, kwargs: ["test": "a", "test2": "b", "test3": "c"]), mentions: "'test3'",
      "unexpected")
    check(Process(target: Self.list, kwargs: ["count": 1, "ratio": 2.0]), mentions: "'ratio'", "unexpected")
  }

  func testDoubled() {
    check(
      Process(target: Self.greet, kwargs: ["test": "a", "test2": "b", "test": "a"]), mentions: "'test'",
      "twice"
    )
  }

  func testOfAnotherType() {
    check(
      Process(target: Self.greet, kwargs: ["test": 1, "test2": "b"]), mentions: "'test'", "Int", "String")
    check(Process(target: Self.list, kwargs: ["count": "3"]), mentions: "'count'", "Int", "String")
    check(Process(target: Self.list, kwargs: ["count": 3, "label": 4]), mentions: "'label'", "Int", "String")
    check(Process(target: Self.list, kwargs: ["count": nil as Int?]), mentions: "'count'")
  }

  func testMistakesBesideArgumentsByPosition() {
    check(
      Process(target: { (_: Int, _: Greeting) in }, args: (1), kwargs: ["test": "a"]), mentions: "'test2'",
      "missing")
  }

  func testATargetWithoutNames() {
    check(Process(target: { (_: Int) in }, kwargs: ["value": 1]), mentions: "struct")
  }
}
