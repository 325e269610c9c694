import CMultiprocessing
import Glibc
import Multiprocessing
import TestSupport
import XCTest

#if DEBUG
  /// Lets every system call of a start and of the way back fail once, with every errno that fits, and looks at what comes
  /// of it: the right value or a clear error, no child left, no descriptor or mapping left, and the next start works.
  final class FaultTableTests: AuditedTestCase {
    override var patience: Double { 600 }

    /// A process and what it has to give.
    private struct Scenario {
      let name: String
      let make: () -> Multiprocessing.Process<Int>
      var expected = 42
      var wantedError: ((any Error) -> Bool)?
    }

    private struct Refusal: Error, Codable, Equatable {
      var reason: String
    }

    private static let long = [UInt8](repeating: 7, count: 300_000)

    private let scenarios = [
      Scenario(
        name: "arguments and result", make: { Process(target: { (a: Int, b: Int) in a * b }, args: (6, 7)) }),
      Scenario(
        name: "arguments beyond the pipe",
        make: { Process(target: { (bytes: [UInt8]) in bytes.count }, args: (long)) },
        expected: long.count),
      Scenario(
        name: "an error of the target's",
        make: { Process(target: { () throws -> Int in throw Refusal(reason: "no") }) },
        wantedError: { $0 as? Refusal == Refusal(reason: "no") }),
      Scenario(
        name: "a crash", make: { Process(target: { () -> Int in fatalError("on purpose") }) },
        wantedError: { if case ProcessError.crashed = $0 { true } else { false } }),
      Scenario(
        name: "an async target",
        make: {
          Process(target: {
            await Task.yield()
            return 42
          })
        }),
      Scenario(
        name: "limits",
        make: {
          let process = Process(target: { 42 })
          process.limits = ResourceLimits(
            memory: 1 << 30, cpuTime: .seconds(60), openFiles: 200, fileSize: 1 << 20)
          return process
        }),
    ]

    override func setUpWithError() throws {
      // The first start of a process does what no later one does.
      try Process.run {}
      try super.setUpWithError()
    }

    func testEveryCallOfTheParent() throws { try walk(MP_SIDE_PARENT) }
    func testEveryCallOfTheChild() throws { try walk(MP_SIDE_CHILD) }

    func testEveryCallOfALongResult() throws {
      let make = { Process(target: { [UInt8](repeating: 9, count: 300_000) }) }
      for side in [MP_SIDE_PARENT, MP_SIDE_CHILD] {
        try walk(side, "a long result", make: make) { XCTAssertEqual($0.count, 300_000, $1) }
      }
    }

    private func walk(_ side: mp_side) throws {
      for scenario in scenarios {
        try walk(side, scenario.name, make: scenario.make, wantedError: scenario.wantedError) {
          XCTAssertEqual($0, scenario.expected, $1)
        }
      }
    }

    private func walk<Output: Sendable>(
      _ side: mp_side, _ name: String, make: () -> Multiprocessing.Process<Output>,
      wantedError: ((any Error) -> Bool)? = nil, check: (Output, String) -> Void
    ) throws {
      defer { mp_fault_disarm() }
      mp_fault_arm(side, -1, 0, 0)
      attempt(make(), "\(name), without a fault", struck: false, wantedError, check)
      var trace = [mp_call](repeating: MP_CALL_PIPE, count: Int(MP_FAULT_TRACE_CAPACITY))
      let count = Int(mp_fault_trace(side, &trace, Int32(MP_FAULT_TRACE_CAPACITY)))
      XCTAssertGreaterThan(count, 0, "nothing was counted for \(name)")
      for index in 0..<min(count, trace.count) {
        for error in Self.errors(of: trace[index]) {
          let label =
            "\(name): call \(index) (\(trace[index].rawValue)) of side \(side.rawValue) fails with \(error)"
          let before = Inventory.now()
          mp_fault_arm(side, Int32(index), error, 1)
          attempt(make(), label, struck: true, wantedError, check)
          mp_fault_disarm()
          XCTAssertEqual(Inventory.leaks(since: before), [], label)
        }
      }
    }

    /// EINTR everywhere, and for each call what its man page names.
    private static func errors(of call: mp_call) -> [Int32] {
      let specific: [Int32] =
        switch call {
        case MP_CALL_PIPE, MP_CALL_PACKET_PAIR, MP_CALL_MEMFD, MP_CALL_EVENT, MP_CALL_RECEIVE_DESCRIPTOR:
          [EMFILE, ENFILE, ENOMEM]
        case MP_CALL_THREAD, MP_CALL_FORK: [EAGAIN, ENOMEM]
        case MP_CALL_PIDFD_OPEN: [EMFILE, ENFILE, ENOMEM, ENOSYS]
        case MP_CALL_WRITE: [ENOSPC, ENOMEM, EIO]
        // EPIPE says that the parent is gone, and is nobody's to be told of.
        case MP_CALL_SEND_PACKET: [ENOBUFS, ENOMEM, EPERM]
        case MP_CALL_POLL: [EAGAIN, ENOMEM]
        // Its one error, ECHILD, says that somebody else has reaped the child: a test of its own makes that true.
        case MP_CALL_REAP, MP_CALL_WAIT: []
        case MP_CALL_SEAL: [EPERM]
        default: [ENOMEM, EIO]
        }
      return [EINTR] + specific
    }

    /// One life of a process under a fault: asks again where the contract says that nothing is lost.
    private func attempt<Output: Sendable>(
      _ process: Multiprocessing.Process<Output>, _ label: String, struck: Bool,
      _ wantedError: ((any Error) -> Bool)?,
      _ check: (Output, String) -> Void
    ) {
      do {
        do {
          try process.start()
        } catch ProcessError.launchFailed(let errno) {
          XCTAssertTrue(struck && errno > 0, label)
          // Nothing was born, and the fault is spent: the same object starts now.
          try process.start()
        }
        let value: Output
        do {
          value = try process.result(timeout: .seconds(60))
        } catch is SystemError {
          XCTAssertTrue(struck, label)
          value = try process.result(timeout: .seconds(60))
        }
        XCTAssertNil(wantedError, "\(label): a value instead of an error")
        check(value, label)
      } catch {
        let isWanted = wantedError?(error) ?? false
        XCTAssertTrue(isWanted || (struck && Self.isClear(error)), "\(label): \(error)")
      }
      XCTAssertEqual(try? process.join(), true, label)
      XCTAssertNoThrow(try process.close(), label)
    }

    /// What a fault in the child may look like from the parent.
    private static func isClear(_ error: any Error) -> Bool {
      switch error {
      case ProcessError.thrown(let remote): !remote.message.isEmpty
      case ProcessError.exited(1), ProcessError.exited(255): true
      // What an async child could not have, told by itself.
      case is SystemError: true
      default: false
      }
    }
  }
#endif
