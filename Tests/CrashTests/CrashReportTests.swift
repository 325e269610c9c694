import Foundation
import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Every kind of crash as the user of `Process` meets it.
final class CrashReportTests: AuditedTestCase {
  private func report(
    name: String? = nil, line: UInt = #line, _ body: @escaping @Sendable () -> Void
  ) throws -> CrashReport {
    let process = Process(target: body, name: name)
    try process.start()
    let error = thrown(ProcessError.self, line: line) { try process.result() }
    guard case .crashed(let report) = error else { throw error ?? .closed }
    XCTAssertEqual(report.pid, process.pid, line: line)
    XCTAssertEqual(report.processName, process.name, line: line)
    XCTAssertEqual(process.terminationStatus, .signaled(report.signal), line: line)
    XCTAssertEqual(process.exitCode, -report.signal.rawValue, line: line)
    return report
  }

  private func checkFrame(of report: CrashReport, _ crasher: Crasher) throws {
    let frame = report.backtrace.first { $0.file?.hasSuffix("/Crashers.swift") == true }
    XCTAssertEqual(frame?.function, crasher.function, crasher.name)
    XCTAssertEqual(frame?.line, try crasher.line(), crasher.name)
  }

  func testEveryKind() throws {
    for crasher in Crasher.all {
      let report = try report(name: "crasher \(crasher.name)", crasher.crash)
      XCTAssertEqual(report.signal, crasher.signal, crasher.name)
      XCTAssert(
        crasher.messages.contains(report.message), "\(crasher.name): \(String(describing: report.message))")
      try checkFrame(of: report, crasher)
      for part in [
        "crasher \(crasher.name)", "\(report.pid)", "\(report.signal)", report.message ?? "Crashers.swift",
      ] {
        XCTAssert("\(report)".contains(part), "\(report)")
      }
    }
    XCTAssertEqual(try Process.run { 1 }, 1, "the parent is unharmed")
  }

  func testTheFaultAddress() throws {
    XCTAssertEqual(try report(Crasher.named("null").crash).faultAddress, 16)
    XCTAssertNil(try report(Crasher.named("abort").crash).faultAddress)
  }

  func testOnAnotherThread() throws {
    for name in ["index", "fatalError", "null", "abort"] {
      let crasher = Crasher.named(name)
      let report = try report { TestThread { crasher.crash() }.join() }
      XCTAssertEqual(report.signal, crasher.signal, name)
      XCTAssert(crasher.messages.contains(report.message), name)
      try checkFrame(of: report, crasher)
    }
  }

  func testAStackOverflowOnAnotherThread() throws {
    let report = try report { TestThread { Crasher.named("recursion").crash() }.join() }
    XCTAssertEqual(report.signal, .segmentationFault)
  }

  func testAGrandchild() throws {
    let crasher = Crasher.named("overflow")
    let error = thrown(ProcessError.self) {
      try Process.run { try Process(target: crasher.crash, name: "inner").runToEnd() }
    }
    guard case .crashed(let report) = error else { return XCTFail("\(String(describing: error))") }
    XCTAssertEqual(report.processName, "inner")
    try checkFrame(of: report, crasher)
  }

  func testOnlyTheMessageIsPrinted() throws {
    let text = try capturing(STDERR_FILENO) {
      _ = try report(Crasher.named("fatalError").crash)
    }
    XCTAssert(text.contains("the reason: 이유"), text)
    XCTAssertFalse(text.contains("Program crashed") || text.contains("Backtrac"), text)
    XCTAssertEqual(text.filter { $0 == "\n" }.count, 1, text)
  }

  func testManyCrashesAtOnce() throws {
    let crashers = (0..<12).map { Crasher.all[$0 % Crasher.all.count] }
    let processes = crashers.map { Process(target: $0.crash) }
    for process in processes { try process.start() }
    let reports = concurrently(processes.count) { number -> CrashReport? in
      do {
        try processes[number].result()
        return nil
      } catch ProcessError.crashed(let report) {
        _ = report.backtrace
        return report
      } catch {
        return nil
      }
    }
    for (crasher, report) in zip(crashers, reports) {
      let report = try XCTUnwrap(report, crasher.name)
      XCTAssertEqual(report.signal, crasher.signal)
      try checkFrame(of: report, crasher)
    }
  }

  func testACrashOfAParentWithChildren() throws {
    let mailbox = Mailbox()
    _ = try report {
      let child = Process { while true { pause() } }
      try! child.start()
      mailbox.post("\(child.pid!)")
      Crasher.named("index").crash()
    }
    let child = try mailbox.nextNumber()
    XCTAssert(eventually { !isRunning(child) })
  }

  // MARK: From outside

  func testASignalFromOutsideIsNoCrash() throws {
    let mailbox = Mailbox()
    for signal in [SIGSEGV, SIGABRT, SIGILL, SIGBUS, SIGFPE, SIGTRAP, SIGKILL] {
      for waits in [false, true] {
        let process = Process {
          if waits { mailbox.post("ready") }
          while true { pause() }
        }
        try process.start()
        if waits { XCTAssertEqual(try mailbox.next(), "ready") }
        XCTAssertEqual(kill(try XCTUnwrap(process.pid), signal), 0)
        assertThrows(ProcessError.killed(Signal(rawValue: signal))) { try process.result() }
      }
    }
  }

  // MARK: The report as a value

  func testAReportTravels() throws {
    for name in ["index", "null"] {
      let original = try report(Crasher.named(name).crash)
      let copy = try JSONDecoder().decode(CrashReport.self, from: JSONEncoder().encode(original))
      XCTAssertEqual(copy, original)
      XCTAssertEqual(copy.backtrace, original.backtrace)
      XCTAssertEqual(copy.message, original.message)
      XCTAssertEqual(copy.faultAddress, original.faultAddress)
      XCTAssertEqual("\(copy)", "\(original)")
      XCTAssertFalse(copy.backtrace.isEmpty)
      let error = ProcessError.crashed(original)
      XCTAssertEqual(try JSONDecoder().decode(ProcessError.self, from: JSONEncoder().encode(error)), error)
    }
  }

  func testNamesAreLookedUpWhenTheReportIsRead() throws {
    // In a process that may open no file when the crash arrives, and may when the report is read.
    let crasher = Crasher.named("index")
    let found = try Process.run { () -> [String] in
      var limit = rlimit()
      let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      getrlimit(files, &limit)
      let most = limit.rlim_cur
      let gate = Gate()
      let process = Process {
        gate.pass()
        crasher.crash()
      }
      try process.start()
      limit.rlim_cur = 3
      setrlimit(files, &limit)
      gate.open()
      do {
        try process.result()
        return []
      } catch ProcessError.crashed(let report) {
        limit.rlim_cur = most
        setrlimit(files, &limit)
        return report.backtrace.map(\.function)
      }
    }
    XCTAssert(found.contains(crasher.function), "\(found)")
  }

  func testAReportOutlivesItsProcess() throws {
    let crasher = Crasher.named("nil")
    let process = Process(target: crasher.crash)
    try process.start()
    let error = thrown(ProcessError.self) { try process.result() }
    try process.close()
    guard case .crashed(let report) = error else { return XCTFail("\(String(describing: error))") }
    try checkFrame(of: report, crasher)
  }
}

extension Multiprocessing.Process {
  fileprivate func runToEnd() throws -> Output {
    try start()
    return try result()
  }
}
