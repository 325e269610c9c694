import CMultiprocessing
import Glibc
import Multiprocessing
import TestSupport
import XCTest

#if DEBUG
  /// Lets every system call of a program's start, service and end fail once: the right outcome or a clear error, nothing left, and the
  /// next start works.
  final class ProgramFaultTests: TaskTestCase {
    override var patience: Double { 600 }

    private static let bytes = [UInt8](repeating: 7, count: 200_000)

    private let scenarios: [(name: String, run: () throws -> String)] = [
      ("run", { try Popen.run(["cat"], input: bytes).output == bytes ? "right" : "wrong" }),
      (
        "everything at once",
        {
          let options = Popen.Options(
            newSession: true, passDescriptors: [2], umask: 0o22, diesWithParent: true)
          let completed = try Popen.run(
            ["/bin/sh", "-c", "pwd; umask"], stderr: .combinedWithOutput, workingDirectory: "/",
            environment: .custom([:]), options: options)
          return completed.outputText == "/\n0022\n" ? "right" : completed.outputText
        }
      ),
      (
        "another user",
        {
          let id = getuid() == 0 ? UInt32(65534) : nil
          let completed = try Popen.run(["id", "-u"], options: .init(userID: id, groupID: id))
          return completed.outputText == "\(id ?? getuid())\n" ? "right" : completed.outputText
        }
      ),
      (
        "a terminal",
        {
          let program = try Popen(["echo", "x"], options: .init(pseudoTerminal: true))
          return try program.communicate().output == Array("x\r\n".utf8) ? "right" : "wrong"
        }
      ),
      (
        "a pipeline",
        { try Popen.run(pipeline: [["cat"], ["cat"]], input: bytes).output == bytes ? "right" : "wrong" }
      ),
      (
        "an end",
        {
          let program = try Popen(["sleep", "3600"], stdin: .pipe, stdout: .path("/dev/null"))
          do {
            return try program.end() == .signaled(.terminate) ? "right" : "wrong"
          } catch {
            program.kill()
            program.kill()
            _ = (try? program.wait()) ?? (try? program.wait())
            throw error
          }
        }
      ),
      (
        "permutations",
        {
          let program = try Popen(
            ["/bin/sh", "-c", "exit 5"], stdin: .fileDescriptor(1), stdout: .fileDescriptor(2),
            stderr: .fileDescriptor(0))
          do {
            return try program.wait() == .exited(5) ? "right" : "wrong"
          } catch {
            _ = try program.wait()
            throw error
          }
        }
      ),
    ]

    override func setUpWithError() throws {
      // The first of each does what no later one does.
      for scenario in scenarios { XCTAssertEqual(try scenario.run(), "right", scenario.name) }
      try super.setUpWithError()
    }

    func testEveryCall() throws {
      defer { mp_fault_disarm() }
      for scenario in scenarios {
        mp_fault_arm(MP_SIDE_PARENT, -1, 0, 0)
        XCTAssertEqual(try scenario.run(), "right", scenario.name)
        var trace = [mp_call](repeating: MP_CALL_PIPE, count: Int(MP_FAULT_TRACE_CAPACITY))
        let count = Int(mp_fault_trace(MP_SIDE_PARENT, &trace, Int32(MP_FAULT_TRACE_CAPACITY)))
        XCTAssertGreaterThan(count, 0, "nothing was counted for \(scenario.name)")
        for index in 0..<min(count, trace.count) {
          for error in Self.errors(of: trace[index]) {
            let label = "\(scenario.name): call \(index) (\(trace[index].rawValue)) fails with \(error)"
            let before = Inventory.now()
            mp_fault_arm(MP_SIDE_PARENT, Int32(index), error, 1)
            do {
              let outcome = try scenario.run()
              XCTAssertEqual(outcome, "right", label)
            } catch let failure as PopenError {
              XCTAssertNotEqual(error, EINTR, label)
              XCTAssertTrue(mp_fault_struck(), "\(label): \(failure)")
              XCTAssertFalse("\(failure)".isEmpty, label)
            } catch {
              XCTFail("\(label): \(error)")
            }
            mp_fault_disarm()
            let leaks = Inventory.leaks(since: before).filter(isLeak)
            XCTAssertEqual(leaks, [], label)
          }
        }
      }
    }

    /// A kernel that refuses late has told the number of a pidfd by then.
    func testANumberThatWasGivenUp() throws {
      let number = Int32(MP_SPAWN_GIVEN_UP)
      try XCTSkipIf(fcntl(number, F_GETFD) >= 0 || dup2(STDIN_FILENO, number) < 0, "no such number to be had")
      defer { close(number) }
      defer { mp_fault_disarm() }
      let count = mp_registry_count()
      mp_fault_arm(MP_SIDE_PARENT, -1, 0, 0)
      _ = try Popen.run(["true"])
      var trace = [mp_call](repeating: MP_CALL_PIPE, count: Int(MP_FAULT_TRACE_CAPACITY))
      _ = mp_fault_trace(MP_SIDE_PARENT, &trace, Int32(MP_FAULT_TRACE_CAPACITY))
      let index = try XCTUnwrap(trace.firstIndex(of: MP_CALL_SPAWN))
      mp_fault_arm(MP_SIDE_PARENT, Int32(index), EAGAIN, 1)
      assertThrows(PopenError.system(errno: EAGAIN)) { try Popen.run(["true"]) }
      XCTAssertTrue(mp_fault_struck())
      XCTAssertEqual(mp_registry_count(), count, "not listed")
      XCTAssertGreaterThanOrEqual(fcntl(number, F_GETFD), 0, "not closed")
    }

    /// So the kernel answers when another thread is changing the environment at that moment.
    func testAnEnvironmentThatMoves() throws {
      defer { mp_fault_disarm() }
      let run: (Popen.Environment) throws -> [UInt8] = {
        try Popen.run(["printf", "x"], stderr: .combinedWithOutput, environment: $0).output
      }
      for (environment, isTriedAgain) in [(.inherit, true), (.custom([:]), false)] as [(Popen.Environment, Bool)] {
        mp_fault_arm(MP_SIDE_PARENT, -1, 0, 0)
        XCTAssertEqual(try run(environment), [120])
        var trace = [mp_call](repeating: MP_CALL_PIPE, count: Int(MP_FAULT_TRACE_CAPACITY))
        _ = mp_fault_trace(MP_SIDE_PARENT, &trace, Int32(MP_FAULT_TRACE_CAPACITY))
        let index = Int32(try XCTUnwrap(trace.firstIndex(of: MP_CALL_EXEC)))
        mp_fault_arm(MP_SIDE_PARENT, index, EFAULT, 1)
        if isTriedAgain {
          XCTAssertEqual(try run(environment), [120])
        } else {
          assertThrows(PopenError.system(errno: EFAULT)) { try run(environment) }
        }
        XCTAssertTrue(mp_fault_struck())
      }
    }

    /// EINTR everywhere, and for each call what its man page names.
    private static func errors(of call: mp_call) -> [Int32] {
      let specific: [Int32] =
        switch call {
        case MP_CALL_PIPE, MP_CALL_OPEN_FILE, MP_CALL_TERMINAL: [EMFILE, ENOMEM]
        case MP_CALL_SPAWN: [EAGAIN, ENOMEM, EMFILE]
        case MP_CALL_SPAWN_STEP: [EPERM, ENOMEM, EBADF]
        case MP_CALL_EXEC: [ENOMEM, EACCES, ENOENT, ENOEXEC]
        case MP_CALL_POLL: [EAGAIN, ENOMEM]
        // EPIPE says that the program has closed its input, and EIO on a terminal that it has gone: no errors, both.
        case MP_CALL_WRITE: [ENOSPC]
        case MP_CALL_READ: [ENOMEM]
        case MP_CALL_REAP, MP_CALL_WAIT: []
        case MP_CALL_SEND_SIGNAL: [EPERM]
        default: [ENOMEM, EIO]
        }
      return [EINTR] + specific
    }
  }
#endif
