import Glibc
import TestSupport
import XCTest

@testable import Multiprocessing

/// The workers themselves: when they are there, and what they do with signals and streams.
final class PoolWorkerTests: AuditedTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  private func idlePool(_ time: Duration) throws -> Pool {
    try Pool(
      settings: PoolSettings(processes: 2, retries: 0, initializer: nil, spins: true, idleTime: time))
  }

  func testIdleWorkersEnd() throws {
    let pool = try idlePool(.milliseconds(20))
    let pids = try pool.map(0..<10, chunkSize: 1) { _ in getpid() }
    XCTAssertTrue(eventually { activeChildren().isEmpty })
    // And come back.
    let others = try pool.map(0..<10, chunkSize: 1) { _ in getpid() }
    XCTAssertTrue(Set(pids).isDisjoint(with: others))
  }

  func testWorkersAreStartedAsNeeded() throws {
    let pool = try Pool(processes: 4)
    XCTAssertEqual(activeChildren(), [])
    let function = try pool.register { (_: Int) in getpid() }
    let pids = try (0..<5).map { try pool.submit(function, args: $0).result() }
    XCTAssertEqual(Set(pids).count, 1)
    XCTAssertEqual(activeChildren().map(\.pid), [pids[0]])
    XCTAssertTrue(activeChildren()[0].name.hasPrefix("PoolWorker-"))
    XCTAssertTrue(activeChildren()[0].isDaemon)
  }

  func testWorkersKnowThemselves() throws {
    let pool = try Pool(processes: 1)
    let (name, parent) = try pool.submit { [currentProcess().name, "\(parentProcess()?.pid ?? 0)"] }.result().pair
    XCTAssertTrue(name.hasPrefix("PoolWorker-"))
    XCTAssertEqual(parent, "\(getpid())")
  }

  func testInterruptsAreTheParents() throws {
    let pool = try Pool(processes: 1)
    let started = Gate()
    let go = Gate()
    let future = try pool.submit { () -> Int in
      started.open()
      go.pass()
      return 3
    }
    started.pass()
    for child in activeChildren() { kill(child.pid, SIGINT) }
    go.open()
    XCTAssertEqual(try future.result(), 3)
  }

  func testWhatATaskPrintsIsOutBeforeItsResult() throws {
    let pool = try Pool(processes: 1)
    let text = try capturing(STDOUT_FILENO) {
      try pool.submit { print("one") }.result()
      _ = try pool.map(0..<3, chunkSize: 3) { number in
        print("number", number)
        return number
      }
      _ = try pool.mapResults(0..<1) { number -> String in
        print("two")
        return "\(number)"
      }
    }
    XCTAssertEqual(text, "one\nnumber 0\nnumber 1\nnumber 2\ntwo\n")
  }

  func testWhatEndedItemsHavePrintedOutlivesTheirWorker() throws {
    let pool = try Pool(processes: 1)
    let text = try capturing(STDOUT_FILENO) {
      _ = try pool.mapResults(0..<4, chunkSize: 4) { number -> Int in
        print("number", number)
        if number == 2 { kill(getpid(), SIGKILL) }
        return number
      }
      _ = try pool.mapResults(["a", "b", "c"], chunkSize: 3) { letter -> String in
        print("letter", letter)
        if letter == "b" { kill(getpid(), SIGKILL) }
        return letter
      }
      _ = try pool.mapResults(["x", "y", "z"], chunkSize: 3) { letter async -> String in
        print("letter", letter)
        if letter == "y" { kill(getpid(), SIGKILL) }
        return letter
      }
    }
    XCTAssertEqual(text, "number 0\nnumber 1\nnumber 3\nletter a\nletter c\nletter x\nletter z\n")
  }

  func testAKilledIdleWorkerIsReplaced() throws {
    let pool = try Pool(processes: 1)
    let function = try pool.register { (_: Int) in getpid() }
    var pid = try pool.submit(function, args: 0).result()
    for _ in 0..<10 {
      kill(pid, SIGKILL)
      XCTAssertTrue(eventually { activeChildren().allSatisfy { $0.pid != pid } })
      // One that is not known to be dead yet may be given the task, and costs it.
      let result = Result { try pool.submit(function, args: 0).result() }
      guard case .success(let next) = result else { continue }
      XCTAssertNotEqual(next, pid)
      pid = next
    }
  }

  func testAStoppedWorkerHoldsNothingUp() throws {
    let pool = try Pool(processes: 2)
    let function = try pool.register { (number: Int) in number }
    XCTAssertEqual(try pool.map(0..<100, chunkSize: 1, function), Array(0..<100))
    let stopped = try pool.submit { () -> Int in
      kill(getpid(), SIGSTOP)
      return 8
    }
    let others = try (0..<200).map { try pool.submit(function, args: $0) }
    XCTAssertEqual(try others.map { try $0.result() }, Array(0..<200))
    XCTAssertFalse(stopped.isDone)
    // It may be late with that: what comes ahead of the stop goes for nothing.
    XCTAssertTrue(eventually { activeChildren().contains { processState($0.pid) == "T" } })
    for child in activeChildren() { kill(child.pid, SIGCONT) }
    XCTAssertEqual(try stopped.result(), 8)
  }
}

extension [String] {
  fileprivate var pair: (String, String) { (self[0], self[1]) }
}
