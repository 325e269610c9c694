import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Joins, results and sentinels: with and without a timeout, again and again, from many threads, under signals.
final class WaitingTests: AuditedTestCase {
  /// A process that ends when `gate` opens.
  private func gated(_ gate: Gate, _ value: Int = 42) throws -> Multiprocessing.Process<Int> {
    let process = Process(target: { () -> Int in
      gate.pass()
      return value
    })
    try process.start()
    return process
  }

  func testATimeoutThatRunsOut() throws {
    let gate = Gate()
    let process = try gated(gate)
    for timeout in [.zero, .seconds(-1), .seconds(-Int64.max), .nanoseconds(1), .milliseconds(30)]
      as [Duration]
    {
      let start = ContinuousClock.now
      XCTAssertFalse(try process.join(timeout: timeout))
      XCTAssertGreaterThanOrEqual(ContinuousClock.now - start, timeout)
      let error = thrown(TimeoutError.self) { try process.result(timeout: timeout) }
      XCTAssertEqual(error?.timeout, max(timeout, .zero))
      XCTAssert(error?.operation.contains(process.name) == true)
      XCTAssertNil(error?.partialOutput)
      XCTAssertNil(error?.partialError)
      XCTAssertTrue(process.isAlive, "a timeout ends nothing")
    }
    gate.open()
    XCTAssertEqual(try process.result(), 42)
  }

  func testATimeoutThatDoesNotRunOut() throws {
    for timeout in [
      .seconds(60), .seconds(Int64.max),
      Duration(secondsComponent: .max, attosecondsComponent: 999_999_999_999_999_999),
    ] as [Duration] {
      let gate = Gate()
      let process = try gated(gate)
      let thread = TestThread { gate.open() }
      XCTAssertTrue(try process.join(timeout: timeout))
      XCTAssertEqual(try process.result(timeout: timeout), 42)
      thread.join()
    }
  }

  func testAnEndedProcessIsNeverWaitedFor() throws {
    let process = Process(target: { 42 })
    try process.start()
    try process.join()
    for timeout in [nil, .zero, .seconds(-1), .seconds(1)] as [Duration?] {
      XCTAssertTrue(try process.join(timeout: timeout))
      XCTAssertEqual(try process.result(timeout: timeout), 42)
    }
  }

  func testAFailureMayBeAskedForAgain() throws {
    let process = Process { exit(3) }
    try process.start()
    for _ in 0..<3 {
      assertThrows(ProcessError.exited(3)) { try process.result() }
      XCTAssertTrue(try process.join())
    }
  }

  func testManyThreadsWaitForOneProcess() throws {
    for _ in 0..<20 {
      let gate = Gate()
      let process = try gated(gate)
      let outcomes = concurrently(8) { number -> Int in
        if number == 0 { gate.open() }
        return (try? number % 2 == 0 ? process.join() ? 42 : -1 : process.result()) ?? -2
      }
      XCTAssertEqual(outcomes, Array(repeating: 42, count: 8))
      XCTAssertEqual(process.exitCode, 0)
    }
  }

  func testManyThreadsLookWhileItEnds() throws {
    for _ in 0..<20 {
      let process = Process { exit(6) }
      try process.start()
      let codes = concurrently(6) { number -> Int32? in
        while true {
          if number == 0 { _ = activeChildren() }
          if number == 1 { _ = process.isAlive }
          if let code = process.exitCode { return code }
          sched_yield()
        }
      }
      XCTAssertEqual(codes, Array(repeating: 6, count: 6))
    }
  }

  func testOneThreadWaitsAnotherTerminates() throws {
    let gate = Gate()
    let process = try gated(gate)
    let thread = TestThread { try? process.terminate() }
    assertThrows(ProcessError.killed(.terminate)) { try process.result() }
    thread.join()
  }

  func testAClosedProcessAndAWaitingThread() throws {
    for _ in 0..<50 {
      let process = Process(target: { 1 })
      try process.start()
      let outcomes = concurrently(2) { number -> ProcessError? in
        do {
          if number == 0 {
            try process.join()
          } else {
            while (try? process.close()) == nil { sched_yield() }
          }
          return nil
        } catch {
          return error as? ProcessError ?? .exited(-1)
        }
      }
      // It waited, or it came too late.
      XCTAssert([nil, .closed].contains(outcomes[0]), "\(outcomes)")
    }
  }

  // MARK: Signals

  func testSignalsDoNotInterrupt() throws {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }  // and no SA_RESTART
    var before = sigaction()
    XCTAssertEqual(sigaction(SIGALRM, &action, &before), 0)
    ualarm(200, 200)
    defer {
      ualarm(0, 0)
      sigaction(SIGALRM, &before, nil)
    }
    let long = [UInt8](repeating: 3, count: 300_000)
    for round in 0..<40 {
      let gate = Gate()
      let process = Process(
        target: { (bytes: [UInt8]) -> [UInt8] in
          gate.pass()
          return bytes
        }, args: (long))
      try process.start()
      if round % 10 == 0 {
        let start = ContinuousClock.now
        XCTAssertFalse(try process.join(timeout: .milliseconds(40)))
        XCTAssertGreaterThanOrEqual(ContinuousClock.now - start, .milliseconds(40))
      }
      gate.open()
      if round % 2 == 0 { XCTAssertTrue(try process.join()) }
      XCTAssertEqual(try process.result(), long)
    }
  }

  // MARK: Sentinels

  func testTheSentinelIsReadableExactlyAfterTheEnd() throws {
    let gate = Gate()
    let process = try gated(gate)
    let sentinel = try XCTUnwrap(process.sentinel)
    XCTAssertFalse(waitReadable(sentinel, within: 0.02))
    XCTAssertEqual(process.sentinel, sentinel)
    gate.open()
    XCTAssertTrue(waitReadable(sentinel, within: 30))
    XCTAssertEqual(process.exitCode, 0, "readable means ended")
    XCTAssertEqual(process.sentinel, sentinel)
    try process.join()
    XCTAssertTrue(waitReadable(sentinel, within: 0))
    try process.close()
    XCTAssertNil(process.sentinel)
  }

  func testASentinelAskedForAfterTheJoin() throws {
    let process = Process {}
    try process.start()
    try process.join()
    let sentinel = try XCTUnwrap(process.sentinel)
    XCTAssertTrue(waitReadable(sentinel, within: 0))
    XCTAssertEqual(process.sentinel, sentinel)
  }

  func testTheFirstOfManySentinels() throws {
    let gates = (0..<5).map { _ in Gate() }
    let processes = try gates.map { try gated($0) }
    for number in [3, 0, 4, 1, 2] {
      gates[number].open()
      var entries = try processes.map {
        pollfd(fd: try XCTUnwrap($0.sentinel), events: Int16(POLLIN), revents: 0)
      }
      for other in processes.indices where !processes[other].isAlive && other != number {
        entries[other].fd = -1
      }
      XCTAssertEqual(poll(&entries, nfds_t(entries.count), 30_000), 1)
      XCTAssertEqual(entries.firstIndex { $0.revents != 0 }, number)
      XCTAssertTrue(try processes[number].join())
    }
  }

  func testADescendantThatLivesOnDelaysNothing() throws {
    let gate = Gate()
    let mailbox = Mailbox()
    let process = Process {
      let survivor = Process {
        mailbox.post("\(getpid())")
        gate.pass()
      }
      survivor.survivesParent = true
      try survivor.start()
      _exit(9)
    }
    try process.start()
    let survivor = try mailbox.nextNumber()
    XCTAssertTrue(waitReadable(try XCTUnwrap(process.sentinel), within: 30))
    assertThrows(ProcessError.exited(9)) { try process.result() }
    XCTAssertTrue(isRunning(survivor))
    gate.open()
    XCTAssert(eventually { !isRunning(survivor) })
  }
}
