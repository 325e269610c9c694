import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Pools in programs that end, seen from outside.
final class PoolProgramTests: AuditedTestCase {
  private static let fixture: String = {
    var path = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &path, path.count)
    let bytes = path[..<max(0, length)].map { UInt8(bitPattern: $0) }
    return String(decoding: bytes[...(bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0)], as: UTF8.self) + "fixture"
  }()

  func testControlCInATerminal() throws {
    let program = try Popen(
      [Self.fixture, "pool-interrupted"], stdin: .pipe, stdout: .pipe, options: .init(pseudoTerminal: true))
    let output = try XCTUnwrap(program.standardOutput)
    let workers = try (0..<3).map { _ in try XCTUnwrap(Int32(XCTUnwrap(output.readLine()).filter(\.isNumber))) }
    XCTAssertTrue(workers.allSatisfy(isRunning))
    try program.standardInput?.write("\u{3}")
    XCTAssertEqual(try program.wait(), .signaled(.interrupt))
    // What the terminal shows of the key, unless the interrupt has emptied its queue, and nothing else of anybody.
    let shown = String(decoding: try output.readToEnd(), as: UTF8.self)
    XCTAssertTrue(["^C", ""].contains(shown), shown)
    XCTAssertTrue(eventually { workers.allSatisfy { !isRunning($0) } })
  }

  func testTheEndOfAProgramEndsItsPools() throws {
    let program = TestProgram("fixture", "pool-left")
    XCTAssertEqual(program.wait(), 0)
    let workers = program.output.lines.compactMap { Int32($0) }
    XCTAssertEqual(workers.count, 3)
    XCTAssertTrue(eventually { workers.allSatisfy { !isRunning($0) } })
    XCTAssertEqual(program.output.lines.last, "main ends")
  }

  func testTheDeathOfAProgramEndsItsPools() throws {
    let program = TestProgram("fixture", "pool-interrupted")
    XCTAssertTrue(eventually { program.output.lines.count == 3 })
    kill(program.pid, SIGKILL)
    XCTAssertEqual(program.wait(), -SIGKILL)
    let workers = program.output.lines.compactMap { Int32($0) }
    XCTAssertEqual(workers.count, 3)
    XCTAssertTrue(eventually { workers.allSatisfy { !isRunning($0) } })
  }
}
