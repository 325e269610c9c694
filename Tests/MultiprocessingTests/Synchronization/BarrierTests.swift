import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What Python's `_TestBarrier` holds, and misuse, and deaths.
final class BarrierTests: AuditedTestCase {
  private struct Refusal: Error, Codable, Equatable {}

  /// Runs `body` in that many processes at once; what each returned.
  private func inProcesses<R: Codable & Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) throws -> R) throws
    -> [R]
  {
    let processes = (0..<count).map { number in Process { try body(number) } }
    for process in processes { try process.start() }
    return try processes.map { try $0.result(timeout: .seconds(60)) }
  }

  /// Waits as a party, in words.
  private static func outcome(_ barrier: Barrier, timeout: Duration? = nil) -> String {
    do {
      return "\(try barrier.wait(timeout: timeout))"
    } catch SynchronizationError.brokenBarrier {
      return "broken"
    } catch is TimeoutError {
      return "out of time"
    } catch is Refusal {
      return "refused"
    } catch {
      return "\(error)"
    }
  }

  /// A party that is known to wait.
  private func party(_ barrier: Barrier, timeout: Duration? = nil) throws -> Multiprocessing.Process<String> {
    let before = barrier.waiting
    let process = Process { Self.outcome(barrier, timeout: timeout) }
    try process.start()
    XCTAssert(eventually { barrier.waiting == before + 1 })
    return process
  }

  func testManyPhases() throws {
    let barrier = try Barrier(parties: 5)
    XCTAssertEqual(barrier.parties, 5)
    let log = TemporaryFile()
    let numbers = try inProcesses(5) { _ in
      try (0..<200).map { phase in
        let line = "\(phase)\n"
        write(log.descriptor, line, line.utf8.count)
        return try barrier.wait()
      }
    }
    // Nobody is a phase ahead of another.
    XCTAssertEqual(log.lines, (0..<200).flatMap { Array(repeating: "\($0)", count: 5) })
    for phase in 0..<200 { XCTAssertEqual(Set(numbers.map { $0[phase] }), [0, 1, 2, 3, 4]) }
    XCTAssertEqual(barrier.waiting, 0)
    XCTAssertFalse(barrier.isBroken)
  }

  func testThreadsAndProcesses() throws {
    let barrier = try Barrier(parties: 4)
    let processes = (0..<2).map { _ in Process { try (0..<50).map { _ in try barrier.wait() } } }
    for process in processes { try process.start() }
    let numbers = concurrently(2) { _ in (0..<50).map { _ in (try? barrier.wait()) ?? -1 } }
    let all = numbers + (try processes.map { try $0.result() })
    for phase in 0..<50 { XCTAssertEqual(Set(all.map { $0[phase] }), [0, 1, 2, 3]) }
  }

  func testOneParty() throws {
    let barrier = try Barrier(parties: 1)
    for _ in 0..<3 { XCTAssertEqual(try barrier.wait(timeout: .zero), 0) }
    for parties in [0, -1, 1 << 40, .max] {
      guard case .invalidArgument = thrown(SynchronizationError.self, by: { try Barrier(parties: parties) }) else {
        return XCTFail("\(parties)")
      }
    }
  }

  func testTheActionRunsOnceBeforeTheOthersGoOn() throws {
    let log = Mailbox()
    let barrier = try Barrier(parties: 3) { log.post("action") }
    let processes = (0..<3).map { _ in
      Process(
        target: { (barrier: Barrier) in
          for _ in 0..<20 {
            try barrier.wait()
            log.post("on")
            try barrier.wait()
          }
        }, args: (barrier))
    }
    for process in processes { try process.start() }
    for _ in 0..<20 {
      XCTAssertEqual(try (0..<5).map { _ in try log.next() }, ["action", "on", "on", "on", "action"])
    }
    for process in processes { try process.result() }
  }

  func testAnActionThatThrowsBreaksIt() throws {
    let barrier = try Barrier(parties: 3) { throw Refusal() }
    let outcomes = try inProcesses(3) { _ in Self.outcome(barrier) }
    XCTAssertEqual(outcomes.sorted(), ["broken", "broken", "refused"])
    XCTAssertTrue(barrier.isBroken)
    XCTAssertEqual(barrier.waiting, 0)
    assertThrows(SynchronizationError.brokenBarrier) { try barrier.wait() }
  }

  func testAbortAndReset() throws {
    let barrier = try Barrier(parties: 3)
    let parties = try (0..<2).map { _ in try party(barrier) }
    XCTAssertEqual(barrier.waiting, 2)
    barrier.abort()
    for party in parties { XCTAssertEqual(try party.result(timeout: .seconds(30)), "broken") }
    XCTAssertTrue(try Process.run { barrier.isBroken })
    assertThrows(SynchronizationError.brokenBarrier) { try barrier.wait() }
    barrier.reset()
    XCTAssertFalse(barrier.isBroken)
    let second = try (0..<2).map { _ in try party(barrier) }
    barrier.reset()
    for party in second { XCTAssertEqual(try party.result(timeout: .seconds(30)), "broken") }
    XCTAssertFalse(barrier.isBroken)
    XCTAssertEqual(try inProcesses(3) { _ in Self.outcome(barrier) }.sorted(), ["0", "1", "2"])
  }

  func testAPartyThatRunsOutOfTimeBreaksIt() throws {
    let barrier = try Barrier(parties: 3)
    let patient = try party(barrier)
    XCTAssertEqual(Self.outcome(barrier, timeout: .milliseconds(20)), "out of time")
    XCTAssertEqual(try patient.result(timeout: .seconds(30)), "broken")
    XCTAssertTrue(barrier.isBroken)
    barrier.reset()
    XCTAssertEqual(Self.outcome(barrier, timeout: .zero), "out of time")
    XCTAssertTrue(barrier.isBroken)
  }

  func testWhoComesDuringTheActionWaitsForTheNextPhase() throws {
    let (inAction, goOn) = (Mailbox(), Gate())
    let barrier = try Barrier(parties: 2) {
      inAction.post("")
      goOn.pass()
    }
    let first = (0..<2).map { _ in Process { Self.outcome(barrier) } }
    for process in first { try process.start() }
    _ = try inAction.next()
    let second = (0..<2).map { _ in Process { Self.outcome(barrier) } }
    for process in second { try process.start() }
    goOn.open(2)
    XCTAssertEqual(try first.map { try $0.result(timeout: .seconds(30)) }.sorted(), ["0", "1"])
    XCTAssertEqual(try second.map { try $0.result(timeout: .seconds(30)) }.sorted(), ["0", "1"])
  }

  // MARK: Deaths

  func testAPartyThatDiesBreaksIt() throws {
    let barrier = try Barrier(parties: 4)
    let parties = try (0..<3).map { _ in try party(barrier) }
    try parties[1].kill()
    try parties[1].join()
    XCTAssertTrue(barrier.isBroken)
    for index in [0, 2] { XCTAssertEqual(try parties[index].result(timeout: .seconds(30)), "broken") }
    assertThrows(SynchronizationError.brokenBarrier) { try barrier.wait() }
    barrier.reset()
    XCTAssertEqual(try inProcesses(4) { _ in Self.outcome(barrier) }.sorted(), ["0", "1", "2", "3"])
  }

  func testAPartyThatDiesInTheActionBreaksIt() throws {
    let barrier = try Barrier(parties: 3) { kill(getpid(), SIGKILL) }
    let parties = (0..<3).map { _ in Process { Self.outcome(barrier) } }
    for party in parties { try party.start() }
    var outcomes: [String] = []
    for party in parties {
      do {
        outcomes.append(try party.result(timeout: .seconds(30)))
      } catch ProcessError.killed(.kill) {
        outcomes.append("killed")
      }
    }
    XCTAssertEqual(outcomes.sorted(), ["broken", "broken", "killed"])
  }
}
