import Glibc
import Multiprocessing
import TestSupport
import XCTest

@testable import TraceReading

/// What a pool leaves in a trace.
final class PoolTraceTests: AuditedTestCase {
  private let file = TraceFile()

  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  func testTasksAndAReplacement() throws {
    let events = try file.recording {
      let pool = try Pool(processes: 1)
      let results = try pool.mapResults(0..<6, chunkSize: 2) { number -> Int in
        if number == 2 { kill(getpid(), SIGKILL) }
        return number
      }
      XCTAssertEqual(results.count, 6)
      pool.close()
      try pool.join()
    }
    let tasks = events.filter { $0.category == "task" }
    let workers = Set(tasks.map(\.pid))
    XCTAssertEqual(workers.count, 2)
    XCTAssertFalse(workers.contains(getpid()))
    // The one that was cut short has no end.
    XCTAssertEqual(tasks.count { $0.phase == "B" }, tasks.count { $0.phase == "E" } + 1)
    XCTAssertEqual(Set(tasks.filter { $0.phase == "B" }.map(\.name)), ["a task", "2 tasks"])
    let replacement = try XCTUnwrap(events.first { $0.category == "replace" })
    XCTAssertEqual(
      Set([replacement.arguments["old"], replacement.arguments["new"]].map { $0 as? Int32 }), Set(workers))
    let model = TraceModel(TraceReader(file.text).records)
    XCTAssertEqual(model.restarts.count, 1)
    let summary = TraceSummary(model).text
    XCTAssertTrue(summary.contains("was replaced by PoolWorker-"), summary)
    XCTAssertTrue(summary.contains("2 tasks in PoolWorker-"), summary)
    let drawing = TraceDrawing(model).svg
    XCTAssertTrue(drawing.contains("class=\"task\""), drawing)
    XCTAssertTrue(drawing.contains("class=\"replaced\""), drawing)
  }

  func testWorkersThatEndInTheirTurnAreNotReplaced() throws {
    let events = try file.recording {
      let pool = try Pool(processes: 2)
      // Each closure takes fresh workers.
      for number in 0..<3 { XCTAssertEqual(try pool.map(0..<10) { $0 + number }, (0..<10).map { $0 + number }) }
      pool.close()
      try pool.join()
    }
    XCTAssertFalse(events.contains { $0.category == "replace" })
    XCTAssertTrue(events.contains { $0.category == "task" })
  }
}
