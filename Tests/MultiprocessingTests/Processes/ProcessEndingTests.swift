import CMultiprocessing
import Glibc
import XCTest

@testable import Multiprocessing
@testable import MultiprocessingEngine

/// What an ended child came to, worked out without any child.
final class ProcessEndingTests: XCTestCase {
  private func payload(_ bytes: [UInt8]) -> Payload { bytes.withUnsafeBytes { Payload(copying: $0) } }

  private func crash(
    _ signal: Int32, sender: Int32? = nil, errorNumber: Int32 = 0, tail: String = ""
  ) -> Payload {
    var record = mp_crash_record()
    record.magic = UInt32(MP_CRASH_MAGIC)
    record.version = UInt32(MP_CRASH_VERSION)
    record.signal = signal
    record.process = 100
    record.code = sender == nil ? 1 : 0
    record.sender = sender ?? 0
    record.error_number = errorNumber
    record.message_length = UInt32(tail.utf8.count)
    record.last_write_length = record.message_length
    withUnsafeMutableBytes(of: &record.message) { $0.copyBytes(from: tail.utf8) }
    return payload(withUnsafeBytes(of: record) { Array($0) })
  }

  private func ending(
    _ termination: ExitStatus.Termination, _ report: ChildReport = ChildReport(), limits: ResourceLimits = .none,
    used: Duration = .zero
  ) -> ProcessEnding {
    var status = ExitStatus(termination: termination)
    status.processorTime = used
    return ProcessEnding(of: "Process-1", pid: 100, status: status, report: report, limits: limits)
  }

  private func failure(_ ending: ProcessEnding) -> ProcessError? {
    guard case .failed(let error) = ending else { return nil }
    return error as? ProcessError
  }

  func testAValueIsTheResult() {
    var report = ChildReport()
    report.value = payload([1, 2])
    // Somebody else may have reaped the child: what it sent counts all the same.
    for termination: ExitStatus.Termination in [.exited(0), .exited(3), .unknown] {
      guard case .returned(let value) = ending(termination, report) else { return XCTFail("\(termination)") }
      XCTAssertEqual([UInt8](value.bytes), [1, 2])
    }
  }

  func testADeathOutweighsAValue() {
    var report = ChildReport()
    report.value = payload([1])
    XCTAssertEqual(failure(ending(.signaled(SIGKILL), report)), .killed(.kill))
  }

  func testAnErrorArrivesAsItself() {
    struct Refusal: Error, Codable, Equatable { var reason: String }
    var report = ChildReport()
    report.error = payload(ThrownError.encode(Refusal(reason: "no"), told: RemoteError(Refusal(reason: "no"))))
    guard case .failed(let error) = ending(.exited(1), report) else { return XCTFail("a value") }
    XCTAssertEqual(error as? Refusal, Refusal(reason: "no"))
  }

  func testAnErrorThatIsNotCodableIsTold() {
    struct Refusal: Error {}
    var report = ChildReport()
    report.error = payload(ThrownError.encode(Refusal(), told: RemoteError(Refusal())))
    XCTAssertEqual(
      failure(ending(.exited(1), report)), .thrown(RemoteError(typeName: "Refusal", description: "Refusal()")))
  }

  func testAnErrorCutShortIsTold() {
    struct Refusal: Error, Codable { var reason = "no" }
    let whole = ThrownError.encode(Refusal(), told: RemoteError(Refusal()))
    for length in 0..<whole.count {
      var report = ChildReport()
      report.error = payload(Array(whole[..<length]))
      guard case .thrown = failure(ending(.exited(1), report)) else { return XCTFail("\(length) bytes") }
    }
  }

  func testNoResultAtAll() {
    XCTAssertEqual(failure(ending(.exited(3))), .exited(3))
    XCTAssertEqual(failure(ending(.exited(0))), .exited(0))
    XCTAssertEqual(failure(ending(.unknown)), .exited(255))
  }

  func testADefectIsTold() {
    var report = ChildReport()
    report.defect = "out of memory"
    guard case .thrown(let error) = failure(ending(.exited(1), report)) else { return XCTFail("no error") }
    XCTAssertEqual(error.message, "out of memory")
  }

  func testACrash() {
    var report = ChildReport()
    report.crash = crash(SIGILL, tail: "main.swift:3: Fatal error: Index out of range\n")
    guard case .crashed(let crash) = failure(ending(.signaled(SIGILL), report)) else { return XCTFail("no crash") }
    XCTAssertEqual(crash.signal, .illegalInstruction)
    XCTAssertEqual(crash.message, "Index out of range")
    XCTAssertEqual(crash.pid, 100)
    XCTAssertEqual(crash.processName, "Process-1")
  }

  func testACrashWithoutARecord() {
    var report = ChildReport()
    for crash in [nil, payload([1, 2, 3])] {
      report.crash = crash
      guard case .crashed(let crash) = failure(ending(.signaled(SIGSEGV), report)) else { return XCTFail("no crash") }
      XCTAssertEqual(crash.signal, .segmentationFault)
      XCTAssertEqual(crash.backtrace, [])
      XCTAssertNil(crash.message)
    }
  }

  func testASignalFromOutsideIsNoCrash() {
    XCTAssertEqual(failure(ending(.signaled(SIGTERM))), .killed(.terminate))
    var report = ChildReport()
    report.crash = crash(SIGSEGV, sender: 99)
    XCTAssertEqual(failure(ending(.signaled(SIGSEGV), report)), .killed(.segmentationFault))
    report.crash = crash(SIGSEGV, sender: 100)
    guard case .crashed = failure(ending(.signaled(SIGSEGV), report)) else { return XCTFail("raised by itself") }
  }

  func testLimits() {
    func expectLimit(_ ending: ProcessEnding, _ word: String, line: UInt = #line) {
      guard case .limitExceeded(let limit) = failure(ending) else { return XCTFail("\(ending)", line: line) }
      XCTAssertTrue(limit.contains(word), limit, line: line)
    }
    let cpu = ResourceLimits(cpuTime: .seconds(1))
    expectLimit(ending(.signaled(SIGXCPU), limits: cpu), "processor time")
    expectLimit(ending(.signaled(SIGKILL), limits: cpu, used: .seconds(2)), "processor time")
    XCTAssertEqual(failure(ending(.signaled(SIGKILL), limits: cpu, used: .milliseconds(10))), .killed(.kill))
    XCTAssertEqual(failure(ending(.signaled(SIGXCPU))), .killed(.processorTimeExceeded))
    expectLimit(ending(.signaled(SIGXFSZ), limits: ResourceLimits(fileSize: 10)), "10 bytes")

    var report = ChildReport()
    report.crash = crash(SIGABRT, tail: "Fatal error: failed to allocate 100 bytes of memory with alignment 8\n")
    expectLimit(ending(.signaled(SIGABRT), report, limits: ResourceLimits(memory: 5000)), "5000 bytes of memory")
    // Without a limit it is the machine that is out of memory.
    guard case .crashed = failure(ending(.signaled(SIGABRT), report)) else { return XCTFail("a limit without one") }
    report.crash = crash(SIGSEGV, errorNumber: ENOMEM)
    expectLimit(ending(.signaled(SIGSEGV), report, limits: ResourceLimits(memory: 5000)), "memory")
    report.crash = crash(SIGSEGV)
    guard case .crashed = failure(ending(.signaled(SIGSEGV), report, limits: ResourceLimits(memory: 5000))) else {
      return XCTFail("a bad pointer is no limit")
    }
  }
}
