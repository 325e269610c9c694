import Glibc
import Multiprocessing
import TestSupport
import XCTest

private struct MishapError: Error, Codable, Equatable {}

private enum Mishap: String, Codable, Sendable, CaseIterable {
  case nothing, `throw`, exit, crash

  @inline(never) func happen() throws {
    switch self {
    case .nothing: break
    case .throw: throw MishapError()
    case .exit: Glibc.exit(3)
    case .crash: fatalError("mishap")
    }
  }
}

/// A value with which something happens on its way.
private struct Fuse: Codable, Sendable {
  var whenEncoded = Mishap.nothing
  var whenDecoded = Mishap.nothing

  init(whenEncoded: Mishap = .nothing, whenDecoded: Mishap = .nothing) {
    self.whenEncoded = whenEncoded
    self.whenDecoded = whenDecoded
  }

  private enum CodingKeys: String, CodingKey {
    case whenEncoded, whenDecoded
  }

  func encode(to encoder: any Encoder) throws {
    try whenEncoded.happen()
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(whenEncoded, forKey: .whenEncoded)
    try container.encode(whenDecoded, forKey: .whenDecoded)
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    whenEncoded = try container.decode(Mishap.self, forKey: .whenEncoded)
    whenDecoded = try container.decode(Mishap.self, forKey: .whenDecoded)
    try whenDecoded.happen()
  }
}

/// {throw, exit, crash} × {encode argument, decode argument, run, encode result, decode result}: each comes to exactly what
/// it should, wherever it happens. What happens in the parent happens to a process that stands in for it.
final class CrashTableTests: AuditedTestCase {
  /// What waiting for the process in which it happened comes to.
  private func check(_ mishap: Mishap, _ error: (any Error)?, code: Int32?, line: UInt) {
    switch mishap {
    case .nothing:
      XCTAssertNil(error, line: line)
      XCTAssertEqual(code, 0, line: line)
    case .throw:
      XCTAssertEqual(error as? MishapError, MishapError(), line: line)
      XCTAssertEqual(code, 1, line: line)
    case .exit:
      XCTAssertEqual(error as? ProcessError, .exited(3), line: line)
      XCTAssertEqual(code, 3, line: line)
    case .crash:
      guard case ProcessError.crashed(let report)? = error else {
        return XCTFail("\(String(describing: error))", line: line)
      }
      XCTAssertEqual(report.message, "mishap", line: line)
      XCTAssertEqual(report.signal, trapSignal, line: line)
      XCTAssertEqual(code, -trapSignal.rawValue, line: line)
      let frame = report.backtrace.first { $0.file == #filePath }
      XCTAssertEqual(frame?.function, "Mishap.happen()", line: line)
    }
  }

  private func error<Output>(of process: Multiprocessing.Process<Output>) -> (any Error)? {
    do {
      _ = try process.result()
      return nil
    } catch {
      return error
    }
  }

  // MARK: In the child

  private func checkChild<Output>(
    _ mishap: Mishap, line: UInt = #line, _ process: Multiprocessing.Process<Output>
  ) throws {
    try process.start()
    check(mishap, error(of: process), code: process.exitCode, line: line)
    // Asked again, it says the same.
    check(mishap, error(of: process), code: process.exitCode, line: line)
    // And the next one is none the worse.
    XCTAssertEqual(try Process.run { 1 }, 1, line: line)
  }

  func testDecodingAnArgument() throws {
    for mishap in Mishap.allCases {
      try checkChild(mishap, Process(target: { (_: Int, _: Fuse) in }, args: (1, Fuse(whenDecoded: mishap))))
    }
  }

  func testDecodingAKeywordArgument() throws {
    struct Parameters: Decodable { var fuse: Fuse }
    for mishap in Mishap.allCases {
      try checkChild(
        mishap, Process(target: { (_: Parameters) in }, kwargs: ["fuse": Fuse(whenDecoded: mishap)]))
    }
  }

  func testRunning() throws {
    for mishap in Mishap.allCases {
      try checkChild(mishap, Process { try mishap.happen() })
      try checkChild(mishap, Process(target: { (mishap: Mishap) in try mishap.happen() }, args: (mishap)))
    }
  }

  func testRunningASubclass() throws {
    final class Unlucky: ProcessBase {
      let mishap: Mishap
      fileprivate init(_ mishap: Mishap) {
        self.mishap = mishap
        super.init()
      }
      override func run() throws { try mishap.happen() }
    }
    for mishap in Mishap.allCases {
      let process = Unlucky(mishap)
      try process.start()
      try process.join()
      check(mishap, process.terminationError, code: process.exitCode, line: #line)
    }
  }

  func testEncodingTheResult() throws {
    for mishap in Mishap.allCases {
      try checkChild(mishap, Process(target: { [Fuse(), Fuse(whenEncoded: mishap)] }))
    }
  }

  // MARK: In the parent

  /// Runs `body` in a process that stands in for the parent; it posts the pid of its child.
  private func checkParent(
    _ mishap: Mishap, children count: Int, line: UInt = #line,
    _ body: @escaping @Sendable (Mailbox) throws -> Void
  ) throws {
    let mailbox = Mailbox()
    let standIn = Process { try body(mailbox) }
    try standIn.start()
    check(mishap, error(of: standIn), code: standIn.exitCode, line: line)
    let pids = try mailbox.waiting()
    XCTAssertEqual(pids.count, count, line: line)
    for pid in pids { XCTAssert(eventually { !isRunning(Int32(pid)!) }, line: line) }
  }

  func testEncodingAnArgument() throws {
    for mishap in Mishap.allCases {
      try checkParent(mishap, children: mishap == .nothing ? 1 : 0) { mailbox in
        let process = Process(
          target: { (_: Int, _: Fuse) in mailbox.post("\(getpid())") }, args: (1, Fuse(whenEncoded: mishap)))
        try process.start()
        try process.result()
      }
    }
  }

  func testAParentThatCatchesWhatAnArgumentThrows() throws {
    let process = Process(target: { (_: Fuse) in }, args: (Fuse(whenEncoded: .throw)))
    for _ in 0..<2 {
      assertThrows(MishapError()) { try process.start() }
      XCTAssertEqual(childProcesses(of: getpid()), [])
      XCTAssertNil(process.pid)
    }
  }

  func testDecodingTheResult() throws {
    for mishap in Mishap.allCases {
      try checkParent(mishap, children: 1) { mailbox in
        let process = Process(target: { [Fuse(), Fuse(whenDecoded: mishap)] })
        try process.start()
        mailbox.post("\(process.pid!)")
        _ = try process.result()
      }
    }
  }

  func testAParentThatCatchesWhatAResultThrows() throws {
    let process = Process(target: { Fuse(whenDecoded: .throw) })
    try process.start()
    for _ in 0..<2 {
      assertThrows(MishapError()) { try process.result() }
      XCTAssertEqual(process.exitCode, 0, "the child did all that was asked of it")
      XCTAssertNil(process.terminationError)
    }
  }

  // MARK: Errors

  private struct FusedError: Error, Codable {
    var fuse: Fuse
  }

  func testAnErrorThatFailsOnItsWay() throws {
    for mishap in Mishap.allCases {
      let process = Process { throw FusedError(fuse: Fuse(whenEncoded: mishap)) }
      try process.start()
      let error = error(of: process)
      switch mishap {
      case .nothing: XCTAssertNotNil(error as? FusedError)
      case .throw:
        guard case ProcessError.thrown(let remote)? = error else {
          return XCTFail("\(String(describing: error))")
        }
        XCTAssertEqual(remote.typeName, "FusedError")
      case .exit, .crash: check(mishap, error, code: process.exitCode, line: #line)
      }
    }
  }
}
