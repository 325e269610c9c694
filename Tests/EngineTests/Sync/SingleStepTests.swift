import CEngineTestSupport
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// Kills a process between two instructions of taking and giving back a lock, at places spread over all of them.
final class SingleStepTests: SyncTestCase {
  override var patience: Double { 300 }

  /// Kills children that do `operation`, at `places` places; calls `check` after each.
  private func walk(places: Int, _ operation: @escaping () throws -> Void, _ check: (Int) throws -> Void) throws {
    ets_stay_on_one_processor(false)
    defer { ets_use_every_processor() }
    // Binding functions on the first call takes a thousand instructions more: the parent has done that for the children.
    try operation()
    let length = try stepThenKill(.max, operation)
    XCTAssertGreaterThan(length, 50)
    for place in 0..<places {
      // The places differ from run to run of a loop over this test, and cover all in the end.
      let count = length * place / places + Int.random(in: 0...length / places)
      _ = try stepThenKill(count, operation)
      try check(count)
    }
  }

  func testALock() throws {
    let segment = try memory(OwnedLock.size)
    let lock = try OwnedLock.make(at: segment.contents)
    func use() throws {
      guard lock.take() else { throw SystemFailure("acquire", errno: EDEADLK) }
      guard lock.release() == .released else { throw SystemFailure("release", errno: EPERM) }
    }
    try walk(places: 150, use) { count in
      XCTAssertEqual(try lock.acquire(until: Deadline(after: .seconds(10))), .acquired, "after \(count) instructions")
      XCTAssertEqual(lock.release(), .released, "after \(count) instructions")
      XCTAssertEqual(lock.release(), .notHeld, "after \(count) instructions")
    }
    try finish(start(use), "another process")
  }

  func testASemaphore() throws {
    let segment = try memory(PermitCounter.size)
    let counter = try PermitCounter.make(at: segment.contents, free: 1, limit: .max)
    try walk(
      places: 100,
      {
        guard try counter.take(until: .never), try counter.give(1) else { throw SystemFailure("take", errno: EINVAL) }
      },
      { count in
        XCTAssert([0, 1].contains(counter.available), "\(counter.available) after \(count) instructions")
        if counter.available == 0 { XCTAssertTrue(try counter.give(1)) }
        XCTAssertTrue(try counter.take(until: Deadline(after: .seconds(10))), "after \(count) instructions")
        XCTAssertTrue(try counter.give(1))
      })
  }
}
