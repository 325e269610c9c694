import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What goes to a child: by position, by capture, large, and what cannot go.
final class ArgumentTests: AuditedTestCase {
  private struct Point: Codable, Equatable, Sendable {
    var x: Double
    var label: String?
  }

  private enum Shape: Codable, Equatable, Sendable {
    case dot
    case circle(Point, radius: Double)
  }

  private static func describe(_ text: String, _ more: String) -> String { "\(text) \(more)" }

  func testNumbersOfArguments() throws {
    func result<Output: Sendable>(_ process: Multiprocessing.Process<Output>) throws -> Output {
      try process.start()
      return try process.result()
    }
    XCTAssertEqual(try result(Process(target: { 1 })), 1)
    XCTAssertEqual(try result(Process(target: { (a: Int) in a + 1 }, args: (1))), 2)
    XCTAssertEqual(try result(Process(target: { (a: [Int]) in a }, args: ([1]))), [1])
    XCTAssertEqual(try result(Process(target: { (a: String) in a }, args: ("str"))), "str")
    XCTAssertEqual(
      try result(Process(target: Self.describe, args: ("테스트입니다", "👩‍👩‍👧‍👦 e\u{301}"))),
      "테스트입니다 👩‍👩‍👧‍👦 e\u{301}")
    XCTAssertEqual(
      try result(
        Process(
          target: { (a: Int8, b: UInt64, c: Double, d: Bool, e: String?, f: [String: [Int]], g: UInt8?) in
            "\(a) \(b) \(c) \(d) \(e ?? "nil") \(f) \(g == nil)"
          }, args: (-1, .max, -0.5, true, nil, ["k": [1, 2]], nil as UInt8?))),
      "-1 18446744073709551615 -0.5 true nil [\"k\": [1, 2]] true")
    XCTAssertEqual(
      try result(
        Process(
          target: { (a: Shape, b: [Point]) in [a, .circle(b[0], radius: 2)] },
          args: (.dot, [Point(x: .infinity, label: "끝")]))),
      [.dot, .circle(Point(x: .infinity, label: "끝"), radius: 2)])
    XCTAssertNoThrow(try result(Process(target: { (_: Int) in }, args: (1))))
  }

  func testArgumentsAreTakenAtTheStart() throws {
    final class Box: Sendable {
      let gate = Gate()
    }
    // A capture is the child's own copy of the memory, an argument is sent.
    let box = Box()
    let list = [1, 2, 3]
    let process = Process(
      target: { (sent: [Int]) -> Bool in
        box.gate.pass()
        return sent == list
      }, args: (list))
    try process.start()
    box.gate.open()
    XCTAssertTrue(try process.result())
  }

  func testRunInThisProcess() throws {
    let mailbox = Mailbox()
    let process = Process(target: { (text: String) in mailbox.post("\(text) \(getpid())") }, args: ("in"))
    try process.run()
    XCTAssertEqual(try mailbox.next(), "in \(getpid())")
    XCTAssertNil(process.pid)
  }

  // MARK: Large ones

  func testFiftyMegabytesBothWays() throws {
    let count = 50 << 20
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: index &* 31) }
      filled = count
    }
    let process = Process(target: { (bytes: [UInt8]) in bytes }, args: (bytes))
    try process.start()
    let pid = try XCTUnwrap(process.pid)
    // Gone although nobody asked for its result.
    XCTAssert(eventually { !isRunning(pid) })
    XCTAssertTrue(try process.result() == bytes)
    try process.close()
  }

  func testSizesAroundEveryLimit() throws {
    for size in [0, 1, 900, 1024, 4000, 4096, 32_700, 32_768, 33_000, 65_500, 65_536, 66_000, 1 << 20] {
      for count in [size, size + 13] {
        let process = Process(
          target: { (bytes: [UInt8]) in bytes }, args: ([UInt8](repeating: 0xA5, count: count)))
        try process.start()
        let result = try process.result()
        XCTAssert(result.count == count && result.allSatisfy { $0 == 0xA5 }, "\(count)")
      }
    }
  }

  // MARK: Those that cannot go

  private struct Unencodable: Codable, Sendable {
    struct Reason: Error, Equatable {}
    var depth = 0

    func encode(to encoder: any Encoder) throws {
      throw EncodingError.invalidValue(
        depth, EncodingError.Context(codingPath: encoder.codingPath, debugDescription: "too shy"))
    }
  }

  private struct Throwing: Codable, Sendable {
    struct Reason: Error, Equatable {}
    func encode(to encoder: any Encoder) throws { throw Reason() }
  }

  private struct Holder: Codable, Sendable {
    var inner = Unencodable()
  }

  /// Nothing was born, and nothing has changed.
  private func checkNothingHappened(_ process: ProcessBase, line: UInt = #line) {
    XCTAssertEqual(childProcesses(of: getpid()), [], line: line)
    XCTAssertEqual(activeChildren(), [], line: line)
    XCTAssertNil(process.pid, line: line)
    XCTAssertFalse(process.isAlive, line: line)
    assertThrows(ProcessError.notStarted, line: line) { try process.join() }
  }

  func testAnUnencodableArgument() throws {
    let process = Process(target: { (_: Int, _: Holder) -> Int in 1 }, args: (1, Holder()))
    for _ in 0..<2 {
      let error = thrown(ProcessError.self) { try process.start() }
      guard case .unsupportedArgument(let text) = error else {
        return XCTFail("\(String(describing: error))")
      }
      for part in ["argument 2", ".inner", "Holder", "too shy"] { XCTAssert(text.contains(part), text) }
      checkNothingHappened(process)
    }
    // It may still be named, made a daemon, closed.
    process.isDaemon = true
    XCTAssertTrue(process.isDaemon)
    try process.close()
  }

  func testAnArgumentThatThrows() throws {
    let process = Process(target: { (_: Throwing) in }, args: (Throwing()))
    for _ in 0..<2 {
      assertThrows(Throwing.Reason()) { try process.start() }
      checkNothingHappened(process)
    }
  }

  func testAnUnencodableKeywordArgument() throws {
    struct Parameters: Decodable { var value: Holder }
    let process = Process(target: { (_: Parameters) in }, kwargs: ["value": Holder()])
    for _ in 0..<2 {
      let error = thrown(ProcessError.self) { try process.start() }
      guard case .unsupportedArgument(let text) = error else {
        return XCTFail("\(String(describing: error))")
      }
      XCTAssert(text.contains("value") && text.contains("too shy"), text)
      checkNothingHappened(process)
    }
  }
}
