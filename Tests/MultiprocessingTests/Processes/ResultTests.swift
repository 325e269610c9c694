import Glibc
import Multiprocessing
import TestSupport
import XCTest

public struct PublicError: Error, Codable, Equatable {
  var code: Int
}

struct InternalError: Error, Codable, Equatable {
  var text: String
  var list: [Double?]
}

private enum PrivateError: Error, Codable, Equatable {
  case plain
  case detailed(InternalError, code: Int)
}

struct GenericError<Payload: Codable & Sendable & Equatable>: Error, Codable, Equatable {
  var payload: Payload
}

private struct PrivateGenericError<Payload: Codable & Sendable>: Error, Codable {
  var payload: Payload
}

private enum Space {
  struct NestedError: Error, Codable, Equatable {
    var inner: PublicError
  }
}

private final class ClassError: Error, Codable {
  let code: Int
  init(code: Int) { self.code = code }
}

/// What comes back from a child.
final class ResultTests: AuditedTestCase {
  private func check<Value: Codable & Sendable & Equatable>(_ value: Value, line: UInt = #line) throws {
    XCTAssertEqual(try Process.run { value }, value, line: line)
  }

  func testValues() throws {
    struct Local: Codable, Equatable, Sendable {
      var name: String?
      var children: [Local]
    }
    try check(42)
    try check(Int128.min)
    try check("테스트 🎉 \u{0} e\u{301}")
    try check([Double.leastNonzeroMagnitude, -0.0, .infinity])
    try check(Int?.none)
    try check(Int?.some(3))
    try check([1: ["a": true]])
    try check(Set([1, 2, 3]))
    try check(Local(name: nil, children: [Local(name: "x", children: [])]))
    try check(1...5)
    try check([[Int]]())
    try check(Duration.milliseconds(3))
  }

  func testNothing() throws {
    let process = Process {}
    try process.start()
    try process.result()
    try process.result()
    XCTAssertEqual(process.exitCode, 0)
  }

  func testAChildOfAChild() throws {
    let value = try Process.run {
      try Process.run {
        try Process.run { [currentProcess().name, parentProcess()!.name] }
      }
    }
    XCTAssertEqual(value[0], value[1] + ":1")
  }

  func testRecursion() throws {
    // Each child reports its path before its own children are born.
    let mailbox = Mailbox()
    try Self.branch([], mailbox)
    XCTAssertEqual(
      try mailbox.waiting(), ["[]", "[0]", "[0, 0]", "[0, 1]", "[1]", "[1, 0]", "[1, 1]"])
  }

  private static func branch(_ path: [Int], _ mailbox: Mailbox) throws {
    mailbox.post("\(path)")
    guard path.count < 2 else { return }
    for step in 0..<2 {
      let child = Process(target: { try branch($0, mailbox) }, args: (path + [step]))
      try child.start()
      try child.result()
    }
  }

  // MARK: Errors that are Codable

  private func checkError<Failure: Error & Codable & Equatable>(_ error: Failure, line: UInt = #line) throws {
    let process = Process(target: { () throws -> Int in throw error })
    var text = ""
    text = try capturing(STDERR_FILENO) {
      try process.start()
      for _ in 0..<2 { assertThrows(error, line: line) { try process.result() } }
    }
    XCTAssertEqual(process.exitCode, 1, line: line)
    XCTAssertEqual(process.terminationError as? Failure, error, line: line)
    XCTAssert(text.contains(process.name), text, line: line)
    XCTAssertEqual(text.filter { $0 == "\n" }.count, 1, text, line: line)
  }

  func testCodableErrorsArriveAsThemselves() throws {
    struct LocalError: Error, Codable, Equatable {
      var number: Int
    }
    try checkError(PublicError(code: 1))
    try checkError(InternalError(text: "두\n줄", list: [nil, 2]))
    try checkError(PrivateError.plain)
    try checkError(PrivateError.detailed(InternalError(text: "", list: []), code: 4))
    try checkError(Space.NestedError(inner: PublicError(code: 5)))
    try checkError(GenericError(payload: ["k": 1]))
    try checkError(LocalError(number: 6))
    try checkError(ProcessError.launchFailed(errno: 12))
    try checkError(TimeoutError(operation: "tea", timeout: .seconds(3)))
  }

  /// Nothing finds such a type by its name: the documented limit.
  func testAnErrorOfAPrivateGenericTypeIsTold() throws {
    do {
      try Process.run { throw PrivateGenericError(payload: 7) }
      XCTFail("nothing was thrown")
    } catch ProcessError.thrown(let remote) {
      XCTAssertTrue(remote.description.contains("7"), remote.description)
    }
  }

  func testAnErrorOfAClass() throws {
    let error = thrown(ClassError.self) { try Process.run { throw ClassError(code: 7) } }
    XCTAssertEqual(error?.code, 7)
  }

  func testCatchingByType() throws {
    do {
      try Process.run { throw PublicError(code: 9) }
      XCTFail("nothing was thrown")
    } catch let error as PublicError {
      XCTAssertEqual(error.code, 9)
    }
  }

  func testAGrandchildsErrorPassesThrough() throws {
    assertThrows(PrivateError.plain) {
      try Process.run { try Process.run { throw PrivateError.plain } }
    }
    assertThrows(ProcessError.exited(3)) {
      try Process.run { try Process.run { exit(3) } }
    }
    let error = thrown(ProcessError.self) {
      try Process.run { try Process.run { fatalError("deep down") } }
    }
    guard case .crashed(let report) = error else { return XCTFail("\(String(describing: error))") }
    XCTAssertEqual(report.message, "deep down")
  }

  // MARK: Other errors

  private func remote(
    line: UInt = #line, _ body: @escaping @Sendable () throws -> Void
  ) throws -> RemoteError? {
    let process = Process(target: body)
    try process.start()
    let error = thrown(ProcessError.self, line: line) { try process.result() }
    XCTAssertEqual(process.exitCode, 1, line: line)
    guard case .thrown(let remote) = error else {
      XCTFail("\(String(describing: error))", line: line)
      return nil
    }
    return remote
  }

  func testOtherErrorsAreTold() throws {
    struct Plain: Error { let reason = "because" }
    let plain = try remote { throw Plain() }
    XCTAssertEqual(plain?.typeName, "Plain")
    XCTAssertEqual(plain?.message, "Plain(reason: \"because\")")

    struct Described: Error, CustomStringConvertible { let description = "다른 이유" }
    let described = try remote { throw Described() }
    XCTAssertEqual(described?.typeName, "Described")
    XCTAssertEqual(described?.message, "다른 이유")
    XCTAssertEqual(described?.description, "Described: 다른 이유")

  }

  /// It is not `Codable`, and there is nothing in it to be lost.
  func testACancellationIsRethrown() throws {
    let process = Process(target: { () throws -> Void in throw CancellationError() })
    try process.start()
    XCTAssertNotNil(thrown(CancellationError.self) { try process.result() })
    XCTAssertEqual(process.exitCode, 1)
  }

  func testACodableErrorThatCannotBeEncodedIsTold() throws {
    struct Stubborn: Error, Codable {
      func encode(to encoder: any Encoder) throws { throw CancellationError() }
    }
    XCTAssertEqual(try remote { throw Stubborn() }?.typeName, "Stubborn")
  }

  func testACodableErrorThatCannotBeDecodedIsTold() throws {
    struct OneWay: Error, Codable {
      init() {}
      init(from decoder: any Decoder) throws { throw CancellationError() }
    }
    XCTAssertEqual(try remote { throw OneWay() }?.typeName, "OneWay")
  }

  func testALongErrorArrivesWhole() throws {
    let text = String(repeating: "가", count: 200_000)
    assertThrows(InternalError(text: text, list: [])) {
      try Process.run { throw InternalError(text: text, list: []) }
    }
  }

  // MARK: Process.run

  func testRunEndsTheChildWhenTimeRunsOut() throws {
    let mailbox = Mailbox()
    let error = thrown(TimeoutError.self) {
      try Process.run(timeout: .milliseconds(300)) {
        mailbox.post("\(getpid())")
        while true { pause() }
      }
    }
    XCTAssertEqual(error?.timeout, .milliseconds(300))
    // One that had not begun to run by then is as gone.
    for pid in try mailbox.waiting().compactMap({ Int32($0) }) { XCTAssertEqual(processState(pid), "gone") }
    XCTAssertEqual(activeChildren(), [])
  }

  func testRunEndsAChildThatWillNotListen() throws {
    let mailbox = Mailbox()
    let error = thrown(TimeoutError.self) {
      try Process.run(timeout: .milliseconds(300)) {
        signal(SIGTERM, SIG_IGN)
        mailbox.post("\(getpid())")
        while true { pause() }
      }
    }
    XCTAssertNotNil(error)
    for pid in try mailbox.waiting().compactMap({ Int32($0) }) { XCTAssertEqual(processState(pid), "gone") }
    XCTAssertEqual(activeChildren(), [])
  }

  func testRunWithinItsTime() throws {
    XCTAssertEqual(try Process.run(timeout: .seconds(60)) { 1 }, 1)
    assertThrows(TimeoutError(operation: "mine", timeout: .seconds(1))) {
      try Process.run(timeout: .seconds(60)) { throw TimeoutError(operation: "mine", timeout: .seconds(1)) }
    }
  }
}
