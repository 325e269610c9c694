import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What becomes of programs whose parent dies or ends, seen from outside.
final class ProgramParentTests: AuditedTestCase {
  func testTheDeathOfTheParent() throws {
    let parent = TestProgram("fixture", "programs")
    XCTAssert(eventually { parent.output.lines.contains("ready") })
    let pids = parent.output.lines.compactMap { Int32($0) }
    XCTAssertEqual(pids.count, 2)
    XCTAssert(pids.allSatisfy(isRunning))
    kill(parent.pid, SIGKILL)
    XCTAssertEqual(parent.wait(), -SIGKILL)
    // The first one was to die with it.
    XCTAssert(eventually { !isRunning(pids[0]) })
    XCTAssertTrue(isRunning(pids[1]))
    kill(pids[1], SIGKILL)
    XCTAssert(eventually { !isRunning(pids[1]) })
  }
}
