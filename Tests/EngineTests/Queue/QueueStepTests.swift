import CEngineTestSupport
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// A process dies between any two instructions of an operation, glibc's own included. MP_STEP_SECONDS makes each test last.
final class QueueStepTests: AuditedTestCase {
  private static let seconds = getenv("MP_STEP_SECONDS").flatMap { Int(String(cString: $0)) } ?? 4
  override var patience: Double { Double(Self.seconds) + 200 }

  /// Kills all over the operation for some seconds, and a dozen times at least. `check` is told whether it was executed to its end.
  private func killAllOver(
    line: UInt = #line, operation: @escaping (QueueGround) throws -> Void, make: () throws -> QueueGround,
    check: (QueueGround, _ isWhole: Bool) throws -> Void
  ) throws {
    ets_stay_on_one_processor(false)
    defer { ets_use_every_processor() }
    let whole = try make()
    let length = try stepThenKill(.max) { try operation(whole) }
    try check(whole, true)
    XCTAssertGreaterThan(length, 100, "it does nothing", line: line)
    let end = Deadline(after: .seconds(Self.seconds))
    var kills = 0
    // Steps of the golden ratio: evenly spread over the operation, however many come about.
    var place = 0.0
    while !end.hasPassed || kills < 12 {
      place = (place + 0.618_033_988_75).truncatingRemainder(dividingBy: 1)
      let ground = try make()
      let limit = Int(place * Double(length))
      let steps = try stepThenKill(limit) { try operation(ground) }
      try check(ground, steps < limit)
      kills += 1
    }
    print("\(name): \(kills) kills among \(length) instructions")
  }

  /// Nothing but the queue's own instructions.
  private func putter(_ number: Int, length: Int = 8) -> (QueueGround) throws -> Void {
    let bytes = QueueGround.element(number, length: length)
    return { ground in _ = try bytes.withUnsafeBytes { try ground.queue.put($0, until: .never) } }
  }

  private let get: (QueueGround) throws -> Void = { ground in _ = try ground.queue.get(until: .never) { _ in } }

  func testPut() throws {
    try killAllOver(operation: putter(7, length: 64)) {
      try QueueGround(holding: [1])
    } check: { ground, isWhole in
      let isCommitted = ground.putCount == 2
      XCTAssertTrue(isCommitted || !isWhole)
      try ground.examine(holding: [isCommitted ? [1, 7] : [1]])
    }
  }

  func testGet() throws {
    try killAllOver(operation: get) {
      try QueueGround(holding: [1, 2])
    } check: { ground, isWhole in
      let isCommitted = ground.gotCount == 1
      XCTAssertTrue(isCommitted || !isWhole)
      try ground.examine(holding: [isCommitted ? [2] : [1, 2]])
    }
  }

  func testAPutThatNeedsABlock() throws {
    try killAllOver(operation: putter(7, length: 1600)) {
      let ground = try QueueGround()
      for number in [1, 2] { try ground.put(number, length: 32_000) }
      return ground
    } check: { ground, isWhole in
      let isCommitted = ground.putCount == 3
      XCTAssertTrue(isCommitted || !isWhole)
      try ground.examine(holding: [isCommitted ? [1, 2, 7] : [1, 2]])
    }
  }

  func testAPutWithASleepingGetter() throws {
    // The one that sleeps beside the ground of this round.
    var getter: ChildProcess?
    try killAllOver(operation: putter(7)) {
      let ground = try QueueGround()
      getter = try ground.startGetter(noting: 1)
      ground.awaitSleep(try XCTUnwrap(getter))
      return ground
    } check: { ground, isWhole in
      let isCommitted = ground.putCount == 1
      XCTAssertTrue(isCommitted || !isWhole)
      if !isCommitted { try ground.put(8) }
      ground.end(try XCTUnwrap(getter), "asleep beside an element")
      XCTAssertEqual(ground.note(1), isCommitted ? 7 : 8)
      try ground.examine(holding: [[]])
    }
  }

  func testAGetWithASleepingPutter() throws {
    var putter: ChildProcess?
    try killAllOver(operation: get) {
      let ground = try QueueGround(capacity: 1, holding: [1])
      putter = try ground.startPutter(2, noting: 1)
      ground.awaitSleep(try XCTUnwrap(putter))
      return ground
    } check: { ground, isWhole in
      let isCommitted = ground.gotCount == 1
      XCTAssertTrue(isCommitted || !isWhole)
      if !isCommitted { XCTAssertEqual(try ground.get(), 1) }
      ground.end(try XCTUnwrap(putter), "asleep beside room")
      try ground.examine(holding: [[2]])
    }
  }
}
