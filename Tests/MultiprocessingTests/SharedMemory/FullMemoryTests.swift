import CMultiprocessing
import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Memory that runs out where it is asked for, and nowhere else.
final class FullMemoryTests: AuditedTestCase {
  func testASmallFilesystemThatIsFull() throws {
    let program = TestProgram("fixture", "memory", "full", "small")
    XCTAssertEqual(program.wait(), 0, program.output.text)
    guard program.output.lines != ["not allowed"] else { throw XCTSkip("this user may not mount") }
    XCTAssertEqual(program.output.lines, ["no space for 2097152", "half fits", "no space for more"])
  }

  #if DEBUG
    /// Lets each call of `make` fail with each of `errors`: it throws, and leaves nothing.
    private func walk(_ kind: String, _ make: () throws -> Void) throws {
      try make()
      defer { mp_fault_disarm() }
      mp_fault_arm(MP_SIDE_PARENT, -1, 0, 0)
      try make()
      var trace = [mp_call](repeating: MP_CALL_PIPE, count: Int(MP_FAULT_TRACE_CAPACITY))
      let count = Int(mp_fault_trace(MP_SIDE_PARENT, &trace, Int32(MP_FAULT_TRACE_CAPACITY)))
      XCTAssertTrue(trace[..<count].contains(MP_CALL_RESERVE), kind)
      XCTAssertTrue(trace[..<count].contains(MP_CALL_RESIZE), kind)
      XCTAssertTrue(trace[..<count].contains(MP_CALL_MAP), kind)
      for index in 0..<count {
        // What is no system call is not interrupted.
        let interruptions = trace[index] == MP_CALL_MUTEX ? [] : [EINTR]
        for errno in interruptions + [ENOSPC, ENOMEM, EMFILE] {
          let label = "\(kind): call \(index) (\(trace[index].rawValue)) fails with \(errno)"
          let before = Inventory.now()
          mp_fault_arm(MP_SIDE_PARENT, Int32(index), errno, 1)
          do {
            try make()
            // Interrupted, or a call whose failure harms nobody: taking an entry out of the register.
            XCTAssertTrue(errno == EINTR || trace[index] == MP_CALL_STATUS, label)
          } catch let error as SharedMemoryError {
            XCTAssertNotEqual(errno, EINTR, label)
            if case .noSpace = error {
              XCTAssertTrue([ENOSPC, ENOMEM].contains(errno), label)
            } else {
              XCTAssertEqual(error, .system(errno: EMFILE), label)
            }
          }
          XCTAssertTrue(mp_fault_struck(), label)
          mp_fault_disarm()
          XCTAssertEqual(Inventory.leaks(since: before), [], label)
        }
      }
    }

    func testEveryCallOfAnAnonymousOne() throws {
      try walk("a value") { _ = try SharedValue(1) }
      try walk("an array") { _ = try SharedArray(count: 100_000, repeating: 1) }
      try walk("an atomic") { _ = try SharedAtomic(1) }
    }

    func testEveryCallOfANamedOne() throws {
      let name = "mp-test-\(getpid())-\(UInt32.random(in: .min ... .max))"
      defer { shm_unlink("/" + name) }
      try walk("memory") {
        defer { shm_unlink("/" + name) }
        do {
          _ = try SharedMemory.create(name: name, size: 10_000)
        } catch {
          XCTAssertNotEqual(access("/dev/shm/\(name)", F_OK), 0, "\(error) left the name")
          throw error
        }
      }
    }
  #endif
}
