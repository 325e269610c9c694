import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

#if DEBUG
  final class KillPointTests: AuditedTestCase {
    /// How a child ends that passes `count` kill points, the first of them before it arms.
    private func end(arming nth: Int32, passing count: Int) throws -> ExitStatus? {
      let child = try ForkMethod().start(
        StartRequest(record: [], survivesParent: false) { _ in
          KillPoint.pass()
          mp_kill_arm(nth)
          for _ in 1..<count { KillPoint.pass() }
          _exit(mp_kill_passed())
        })
      XCTAssertTrue(try child.wait(until: .never))
      return try child.statusIfEnded()
    }

    func testTheNthPointIsTheLast() throws {
      for nth: Int32 in 0..<3 { XCTAssertEqual(try end(arming: nth, passing: 4)?.termination, .signaled(SIGKILL)) }
      XCTAssertEqual(try end(arming: 3, passing: 4)?.termination, .exited(3))
      XCTAssertEqual(try end(arming: -1, passing: 6)?.termination, .exited(5))
    }

    func testAChildBeginsWithout() throws {
      mp_kill_arm(1 << 20)
      defer { mp_kill_arm(-1) }
      KillPoint.pass()
      XCTAssertEqual(mp_kill_passed(), 1)
      let child = try ForkMethod().start(
        StartRequest(record: [], survivesParent: false) { _ in
          KillPoint.pass()
          _exit(mp_kill_passed())
        })
      XCTAssertTrue(try child.wait(until: .never))
      XCTAssertEqual(try child.statusIfEnded()?.termination, .exited(0))
    }
  }
#endif
