import Foundation
import Multiprocessing
import TestSupport
import XCTest

/// What the errors say, and that they travel.
final class ErrorTests: AuditedTestCase {
  private func report() throws -> CrashReport {
    let error = thrown(ProcessError.self) { try Process.run { fatalError("on purpose") } }
    guard case .crashed(let report) = error else { throw error ?? .closed }
    return report
  }

  private func all() throws -> [ProcessError] {
    [
      .exited(3), .crashed(try report()), .killed(.kill),
      .thrown(RemoteError(typeName: "Trouble", description: "it did not work")),
      .limitExceeded("5 bytes of memory"), .notStarted, .alreadyStarted, .notParent, .closed, .stillRunning,
      .launchFailed(errno: 12), .unsupportedArgument("argument 2 is too shy"),
    ]
  }

  func testEveryDescriptionIsASentence() throws {
    var texts: Set<String> = []
    for error in try all() {
      let text = String(describing: error)
      XCTAssertTrue(text.first?.isUppercase == true, text)
      XCTAssertGreaterThanOrEqual(text.split(separator: " ").count, 4, text)
      XCTAssertFalse(text.contains("Optional(") || text.contains("ProcessError"), text)
      // All but the two that end with somebody else's words.
      switch error {
      case .crashed, .thrown: break
      default: XCTAssertTrue(text.hasSuffix("."), text)
      }
      texts.insert(text)
    }
    XCTAssertEqual(texts.count, 12)
  }

  func testDescriptionsTellWhatHappened() throws {
    let parts: [(ProcessError, [String])] = [
      (.exited(3), ["exited", "3"]), (.killed(.kill), ["SIGKILL"]),
      (.thrown(RemoteError(typeName: "Trouble", description: "no luck")), ["Trouble", "no luck"]),
      (.limitExceeded("5 bytes of memory"), ["limit", "5 bytes of memory"]), (.notStarted, ["start()"]),
      (.alreadyStarted, ["once"]), (.notParent, ["another process"]), (.closed, ["close()"]),
      (.stillRunning, ["join()", "close()"]), (.launchFailed(errno: 12), ["Cannot allocate memory"]),
      (.unsupportedArgument("argument 2 is too shy"), ["argument 2 is too shy"]),
    ]
    for (error, words) in parts {
      for word in words { XCTAssert("\(error)".contains(word), "\(error)") }
    }
    let crash = "\(ProcessError.crashed(try report()))"
    for word in ["crashed", "on purpose", "ErrorTests.swift"] { XCTAssert(crash.contains(word), crash) }
  }

  private func checkRoundTrip<Failure: Error & Codable & Equatable>(_ error: Failure, line: UInt = #line)
    throws
  {
    let bytes = try JSONEncoder().encode(error)
    XCTAssertEqual(try JSONDecoder().decode(Failure.self, from: bytes), error, line: line)
    assertThrows(error, line: line) { try Process.run { throw error } }
  }

  func testEveryErrorTravels() throws {
    for error in try all() { try checkRoundTrip(error) }
    try checkRoundTrip(TimeoutError(operation: "the result", timeout: .milliseconds(1500)))
    try checkRoundTrip(
      TimeoutError(operation: "x", timeout: .zero, partialOutput: [1, 2], partialError: []))
    try checkRoundTrip(RemoteError(typeName: "A", description: "b"))
    let process = Process {}
    try process.start()
    let error = thrown(SystemError.self) { try process.send(Signal(rawValue: 999)) }
    try process.join()
    try checkRoundTrip(try XCTUnwrap(error))
  }

  func testOtherValuesTravel() throws {
    func check<Value: Codable & Equatable>(_ value: Value) throws {
      XCTAssertEqual(try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value)), value)
    }
    try check(Signal.terminate)
    try check(TerminationStatus.signaled(.kill))
    try check(TerminationStatus.exited(3))
    try check(ResourceLimits(memory: 1, cpuTime: .seconds(2), openFiles: 3, fileSize: 4))
    try check(ResourceLimits.none)
    try check(currentProcess())
  }

  func testOtherDescriptions() throws {
    let timeout = "\(TimeoutError(operation: "the result of Process-1", timeout: .seconds(2)))"
    XCTAssert(timeout.contains("the result of Process-1") && timeout.contains("2.0 seconds"), timeout)
    XCTAssertEqual("\(RemoteError(typeName: "A", description: "b"))", "A: b")
    XCTAssertEqual("\(RemoteError(typeName: "A", description: "A(b: 1)"))", "A(b: 1)")
    let process = Process {}
    try process.start()
    let error = thrown(SystemError.self) { try process.send(Signal(rawValue: 999)) }
    try process.join()
    XCTAssert("\(try XCTUnwrap(error))".contains("Invalid argument"))
  }
}
