import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Each limit, on its near and on its far side.
final class LimitTests: AuditedTestCase {
  private func exceeded(
    _ limits: ResourceLimits, line: UInt = #line, _ body: @escaping @Sendable () throws -> Int
  ) throws -> String {
    let error = thrown(ProcessError.self, line: line) { try Process.run(limits: limits, body) }
    guard case .limitExceeded(let text) = error else {
      XCTFail("\(String(describing: error))", line: line)
      return ""
    }
    return text
  }

  // MARK: Memory

  private static func fill(_ bytes: Int) -> Int {
    let numbers = [UInt8](repeating: 1, count: bytes)
    return numbers.reduce(0) { $0 &+ Int($1) }
  }

  func testMemory() throws {
    let limits = ResourceLimits(memory: 64 << 20)
    XCTAssertEqual(try Process.run(limits: limits) { Self.fill(30 << 20) }, 30 << 20)
    XCTAssert(try exceeded(limits) { Self.fill(100 << 20) }.contains("memory"))
    let growing = try exceeded(limits) {
      var list: [[Int]] = []
      while true { list.append(Array(repeating: 7, count: 1000)) }
    }
    XCTAssert(growing.contains("memory") && growing.contains("\(64 << 20)"), growing)
  }

  func testMemoryCountsFromWhatTheChildStartsWith() throws {
    // Twice the limit is there already.
    let held = [UInt8](repeating: 2, count: 128 << 20)
    XCTAssertEqual(
      try Process.run(limits: ResourceLimits(memory: 64 << 20)) { Int(held[99]) + Self.fill(16 << 20) },
      2 + 16 << 20)
  }

  func testACrashUnderAMemoryLimitIsACrash() throws {
    let error = thrown(ProcessError.self) {
      try Process.run(limits: ResourceLimits(memory: 64 << 20)) { fatalError("something else") }
    }
    guard case .crashed(let report) = error else { return XCTFail("\(String(describing: error))") }
    XCTAssertEqual(report.message, "something else")
  }

  // MARK: Processor time

  @inline(never) private static func spin() -> Int {
    var number = 1
    while number != 0 { number = number &* 3 | 1 }
    return number
  }

  func testProcessorTime() throws {
    for time in [.milliseconds(50), .milliseconds(400)] as [Duration] {
      let text = try exceeded(ResourceLimits(cpuTime: time)) { Self.spin() }
      XCTAssert(text.contains("processor time") && text.contains("\(time)"), text)
    }
    XCTAssertEqual(try Process.run(limits: ResourceLimits(cpuTime: .seconds(30))) { 1 }, 1)
  }

  func testProcessorTimeOfAProgramThatIgnoresTheSignal() throws {
    let text = try exceeded(ResourceLimits(cpuTime: .milliseconds(50))) {
      signal(SIGXCPU, SIG_IGN)
      return Self.spin()
    }
    XCTAssert(text.contains("processor time"), text)
  }

  func testTimeThatIsSleptAwayDoesNotCount() throws {
    let gate = Gate()
    let process = Process(target: { () -> Int in
      gate.pass()
      return 1
    })
    process.limits = ResourceLimits(cpuTime: .milliseconds(100))
    try process.start()
    XCTAssertFalse(try process.join(timeout: .milliseconds(300)))
    gate.open()
    XCTAssertEqual(try process.result(), 1)
  }

  func testAKillIsNotTheLimit() throws {
    let process = Process(target: { () -> Int in while true { pause() } })
    process.limits = ResourceLimits(cpuTime: .seconds(100))
    try process.start()
    try process.kill()
    assertThrows(ProcessError.killed(.kill)) { try process.result() }
  }

  // MARK: Files

  func testOpenFiles() throws {
    let outcome = try Process.run(limits: ResourceLimits(openFiles: 40)) {
      while true {
        let file = open("/dev/null", O_RDONLY)
        if file < 0 { return [Int(errno), -1] }
        if file >= 40 { return [0, Int(file)] }
      }
    }
    XCTAssertEqual(outcome, [Int(EMFILE), -1])
  }

  /// A long result takes a descriptor and a memory file, which are the library's, not the body's.
  func testTheLimitsAreTheBodysAlone() throws {
    let limits = ResourceLimits(openFiles: 0, fileSize: 10)
    XCTAssertEqual(try Process.run(limits: limits) { 5 }, 5)
    XCTAssertEqual(try Process.run(limits: limits) { [UInt8](repeating: 1, count: 1 << 20) }.count, 1 << 20)
  }

  func testFileSize() throws {
    let limits = ResourceLimits(fileSize: 1000)
    let inside = TemporaryFile()
    try Process.run(limits: limits) { precondition(write(inside.descriptor, "x", 1) == 1) }
    XCTAssertEqual(inside.text, "x")
    let outside = TemporaryFile()
    let text = try exceeded(limits) {
      let bytes = [UInt8](repeating: UInt8(ascii: "y"), count: 600)
      return write(outside.descriptor, bytes, 600) + write(outside.descriptor, bytes, 600)
        + write(outside.descriptor, bytes, 600)
    }
    XCTAssert(text.contains("1000"), text)
    XCTAssertEqual(outside.text.count, 1000)
  }

  func testALargeResultUnderAFileSizeLimit() throws {
    let count = try Process.run(limits: ResourceLimits(fileSize: 10)) {
      [UInt8](repeating: 1, count: 1 << 20)
    }.count
    XCTAssertEqual(count, 1 << 20)
  }

  // MARK: Settings

  func testWhatMakesNoSense() throws {
    for limits in [
      ResourceLimits(memory: -1), ResourceLimits(cpuTime: .seconds(-1)), ResourceLimits(openFiles: -1),
      ResourceLimits(fileSize: -1),
    ] {
      let process = Process(target: { 1 })
      process.limits = limits
      let error = thrown(ProcessError.self) { try process.start() }
      guard case .unsupportedArgument = error else { return XCTFail("\(String(describing: error))") }
      XCTAssertEqual(childProcesses(of: getpid()), [])
      process.limits = .none
      try process.start()
      XCTAssertEqual(try process.result(), 1)
    }
  }

  func testHugeLimitsAreNone() throws {
    let limits = ResourceLimits(memory: .max, cpuTime: .seconds(Int64.max), openFiles: .max, fileSize: .max)
    XCTAssertEqual(try Process.run(limits: limits) { 1 }, 1)
  }

  func testLimitsAreTheChildsAlone() throws {
    try Process.run(limits: ResourceLimits(openFiles: 3, fileSize: 1)) {}
    XCTAssertEqual(try Process.run { [UInt8](repeating: 1, count: 100_000).count }, 100_000)
    let file = TemporaryFile()
    XCTAssertEqual(write(file.descriptor, "xyz", 3), 3)
  }

  // MARK: A parent without means

  func testAParentWithoutDescriptors() throws {
    let outcome = try Process.run { () -> [String] in
      var limit = rlimit()
      let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      getrlimit(files, &limit)
      let most = limit.rlim_cur
      func allow(_ count: rlim_t) {
        limit.rlim_cur = count
        precondition(setrlimit(files, &limit) == 0)
      }
      var notes: [String] = []
      let gate = Gate()
      let process = Process(target: { () -> [UInt8] in
        gate.pass()
        return [UInt8](repeating: 1, count: 1 << 20)
      })
      // Those it has stay; a new one's number would be too high.
      allow(3)
      for _ in 0..<2 {
        do { try process.start() } catch {
          notes.append("\(error as! ProcessError == .launchFailed(errno: EMFILE))")
        }
      }
      allow(most)
      try process.start()
      allow(3)
      gate.open()
      for _ in 0..<2 {
        do { _ = try process.result() } catch { notes.append("\((error as! SystemError).errno == EMFILE)") }
      }
      allow(most)
      notes.append("\(try process.result().count)")
      return notes
    }
    XCTAssertEqual(outcome, ["true", "true", "true", "true", "\(1 << 20)"])
  }
}
