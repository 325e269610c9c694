import Glibc
import TestSupport
import XCTest

@testable import Multiprocessing

/// Workers that do not come on.
final class PoolHangTests: AuditedTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  /// A pool whose initializer never ends, and a gate for each worker that has begun with it.
  private func hangingPool(ignoring signal: Int32? = nil) throws -> (Pool, Gate) {
    let started = Gate()
    let pool = try Pool(
      processes: 2,
      initializer: {
        if let signal { Glibc.signal(signal, SIG_IGN) }
        started.open()
        while true { pause() }
      })
    return (pool, started)
  }

  func testAnInitializerThatHangsEndsWithItsPool() throws {
    for signal in [nil, SIGTERM] {
      let (pool, started) = try hangingPool(ignoring: signal)
      let future = try pool.submit { 1 }
      started.pass()
      pool.close()
      // What was submitted may still be run.
      XCTAssertFalse(try pool.join(timeout: .milliseconds(50)))
      XCTAssertTrue(future.cancel())
      XCTAssertTrue(try pool.join())
      XCTAssertEqual(activeChildren(), [])
    }
  }

  func testAnInitializerThatHangsIsTerminated() throws {
    for signal in [nil, SIGTERM] {
      let (pool, started) = try hangingPool(ignoring: signal)
      let future = try pool.submit { 1 }
      started.pass()
      pool.terminate()
      XCTAssertNotNil(thrown(CancellationError.self) { try future.result() })
      XCTAssertTrue(try pool.join())
      XCTAssertEqual(activeChildren(), [])
    }
  }

  func testAForgottenPoolWhoseInitializerHangs() throws {
    do {
      let (pool, started) = try hangingPool()
      _ = try pool.submit { 1 }
      started.pass()
    }
    XCTAssertTrue(eventually { activeChildren().isEmpty })
  }

  func testAStoppedIdleWorkerIsReplaced() throws {
    let pool = try Pool(processes: 1, taskTimeout: .milliseconds(200))
    let function = try pool.register { (_: Int) in getpid() }
    for _ in 0..<2 {
      let pid = try pool.submit(function, args: 0).result()
      kill(pid, SIGSTOP)
      XCTAssertTrue(eventually { processState(pid) == "T" })
      // It has not begun with them: they fail for nothing, and go to another.
      let futures = try (0..<3).map { try pool.submit(function, args: $0) }
      for future in futures { XCTAssertNotEqual(try future.result(), pid) }
      XCTAssertTrue(eventually { !isRunning(pid) })
    }
  }

  func testASlowInitializerIsNotCutShort() throws {
    // Nobody needs that worker any more, but it may end as it likes.
    let (started, gate, ended) = (Gate(), Gate(), Mailbox())
    let pool = try Pool(
      processes: 1,
      initializer: {
        started.open()
        gate.pass()
        ended.post("ready")
      })
    let future = try pool.submit { 1 }
    started.pass()
    XCTAssertTrue(future.cancel())
    pool.close()
    gate.open()
    XCTAssertTrue(try pool.join())
    XCTAssertEqual(try ended.waiting(), ["ready"])
  }
}
