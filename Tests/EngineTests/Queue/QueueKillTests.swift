import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

#if DEBUG
  /// A process dies ahead of each write of an operation in turn, and of each call that others notice. Nobody waits here; see
  /// `QueueSleeperKillTests`.
  final class QueueKillTests: AuditedTestCase {
    /// Kills at 0, 1, 2 … until the operation is survived. Afterwards the queue holds `before` when nothing has come of it,
    /// `after` when it was done.
    private func killAtEachWrite(
      capacity: Int? = nil, before: [Int], after: [Int], line: UInt = #line,
      prepare: (QueueGround) throws -> Void = { _ in }, operation: @escaping (QueueGround) throws -> Void
    ) throws {
      var undone = 0
      var done = 0
      for nth: Int32 in 0..<200 {
        let ground = try QueueGround(capacity: capacity)
        try prepare(ground)
        let victim = try ground.startVictim(dyingAt: nth, operation)
        XCTAssertTrue(try victim.wait(until: Deadline(after: .seconds(20))), "kill \(nth)", line: line)
        let termination = try victim.statusIfEnded()?.termination
        if termination == .exited(0) {
          try ground.examine(holding: [after], line: line)
          XCTAssertGreaterThan(nth, 3, "nothing was written", line: line)
          XCTAssertGreaterThan(undone, 0, line: line)
          XCTAssertGreaterThan(done, 0, "there is a write behind the one that counts", line: line)
          return
        }
        XCTAssertEqual(termination, .signaled(SIGKILL), "kill \(nth)", line: line)
        if ground.queue.count == before.count { undone += 1 }
        if ground.queue.count == after.count { done += 1 }
        try ground.examine(holding: [before, after], line: line)
      }
      XCTFail("it never survives", line: line)
    }

    /// Elements of those lengths, of which the first are got again.
    private func preparing(_ lengths: Int..., getting count: Int = 0) -> (QueueGround) throws -> Void {
      { ground in
        for (index, length) in lengths.enumerated() { try ground.put(index + 1, length: length) }
        for _ in 0..<count { _ = try ground.get() }
      }
    }

    func testPut() throws {
      try killAtEachWrite(before: [], after: [7]) { try $0.put(7) }
      try killAtEachWrite(before: [1, 2], after: [1, 2, 7], prepare: preparing(8, 8)) { try $0.put(7) }
      try killAtEachWrite(capacity: 3, before: [1, 2], after: [1, 2, 7], prepare: preparing(8, 8)) { try $0.put(7) }
    }

    func testAPutBehindAGap() throws {
      try killAtEachWrite(before: [2], after: [2, 7], prepare: preparing(30_000, 30_000, getting: 1)) {
        try $0.put(7, length: 9000)
      }
    }

    func testAPutThatNeedsABlock() throws {
      try killAtEachWrite(before: [1, 2], after: [1, 2, 7], prepare: preparing(30_000, 30_000)) {
        try $0.put(7, length: 9000)
      }
      try killAtEachWrite(before: [1], after: [1, 7], prepare: preparing(8)) { try $0.put(7, length: 5 << 20) }
      try killAtEachWrite(before: [], after: [7]) { try $0.put(7, length: 5 << 20) }
    }

    func testGet() throws {
      try killAtEachWrite(before: [1, 2], after: [2], prepare: preparing(8, 8)) { _ = try $0.get() }
      try killAtEachWrite(before: [1], after: [], prepare: preparing(8)) { _ = try $0.get() }
      try killAtEachWrite(capacity: 2, before: [1, 2], after: [2], prepare: preparing(8, 8)) { _ = try $0.get() }
      try killAtEachWrite(before: [1, 2], after: [2], prepare: preparing(8, 8)) { _ = try $0.tryGet() }
    }

    func testAGetThatLeavesABlock() throws {
      try killAtEachWrite(before: [2, 3], after: [3], prepare: preparing(60_000, 9000, 8, getting: 1)) {
        _ = try $0.get()
      }
    }

    func testAGetThatEmptiesALargeBlock() throws {
      try killAtEachWrite(before: [1], after: [], prepare: preparing(5 << 20)) { _ = try $0.get() }
      try killAtEachWrite(before: [1, 2], after: [2], prepare: preparing(5 << 20, 6 << 20)) { _ = try $0.tryGet() }
    }

    /// What is closed or not; the elements stay.
    func testClose() throws {
      for numbers in [[], [1, 2]] {
        var outcomes: Set<Bool> = []
        for nth: Int32 in 0..<100 {
          let ground = try QueueGround(holding: numbers)
          let victim = try ground.startVictim(dyingAt: nth) { try $0.queue.close() }
          XCTAssertTrue(try victim.wait(until: Deadline(after: .seconds(20))))
          outcomes.insert(ground.queue.isClosed)
          try ground.examine(holding: [numbers])
          if try victim.statusIfEnded()?.termination == .exited(0) { break }
        }
        XCTAssertEqual(outcomes, [true, false])
      }
    }

    func testTaskDone() throws {
      var outcomes: [Int] = []
      for nth: Int32 in 0..<100 {
        let ground = try QueueGround(holding: [1, 2])
        let victim = try ground.startVictim(dyingAt: nth) { _ = try $0.queue.tasks.done() }
        XCTAssertTrue(try victim.wait(until: Deadline(after: .seconds(20))))
        var left = 0
        while try ground.queue.tasks.done() { left += 1 }
        outcomes.append(left)
        try ground.examine(holding: [[1, 2]])
        if try victim.statusIfEnded()?.termination == .exited(0) { break }
      }
      XCTAssertEqual(Set(outcomes), [1, 2])
      XCTAssertEqual(outcomes, outcomes.sorted(by: >), "not done, then done")
    }
  }
#endif
