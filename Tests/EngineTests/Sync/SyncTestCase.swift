import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// Tests with children that share memory.
class SyncTestCase: AuditedTestCase {
  /// Memory for one primitive, of zeroes.
  func memory(_ size: Int) throws -> SharedSegment {
    try SharedSegment.make(SegmentLabel(kind: "test"), capacity: size, reserved: size)
  }

  func start(_ body: @escaping () throws -> Void) throws -> ChildProcess {
    try ForkMethod().start(
      StartRequest(record: [], survivesParent: false) { _ in
        do { try body() } catch { _exit(9) }
        return .value([])
      })
  }

  func end(_ child: ChildProcess, killing: Bool = false) throws {
    if killing { try child.send(signal: SIGKILL) }
    XCTAssertTrue(try child.wait(until: .never))
  }

  /// Waits for a child that has to come to its end by itself.
  func finish(_ child: ChildProcess, _ message: String, line: UInt = #line) throws {
    if try child.wait(until: Deadline(after: .seconds(30))) {
      XCTAssertEqual(try child.statusIfEnded()?.termination, .exited(0), message, line: line)
    } else {
      XCTFail("\(message): never ends", line: line)
      try end(child, killing: true)
    }
  }

  /// Whether a child is asleep in the kernel.
  func isAsleep(_ child: ChildProcess) -> Bool { processState(child.pid) == "S" }
}
