import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// Processes that are interrupted by a signal every half a millisecond, whatever they wait for.
final class QueueSignalTests: AuditedTestCase {
  func testGetFromAnEmptyQueue() throws {
    let ground = try QueueGround()
    let getters = try (1...2).map { place in
      try ground.start {
        try SignalStorm.rage(every: 500) {
          for _ in 0..<50 { ground.setNote(place, ground.note(place) + (try ground.get())) }
        }
      }
    }
    for number in 1...100 {
      usleep(2000)
      try ground.put(number)
    }
    for getter in getters { ground.end(getter) }
    XCTAssertEqual(ground.note(1) + ground.note(2), 5050)
    try ground.examine(holding: [[]])
  }

  func testPutIntoAFullQueue() throws {
    let ground = try QueueGround(capacity: 1, holding: [1])
    let putters = try (0..<2).map { putter in
      try ground.start {
        try SignalStorm.rage(every: 500) { for number in 1...50 { try ground.put(putter * 100 + number) } }
      }
    }
    var got: [Int] = []
    for _ in 0...100 {
      usleep(2000)
      got.append(try ground.get(until: Deadline(after: .seconds(20))))
    }
    for putter in putters { ground.end(putter) }
    XCTAssertEqual(got.filter { $0 > 100 }, Array(101...150))
    XCTAssertEqual(got.filter { $0 <= 100 }, [1] + Array(1...50))
    try ground.examine(holding: [[]])
  }

  func testTimeGoesOnUnderSignals() throws {
    let ground = try QueueGround(capacity: 1, holding: [1])
    let child = try ground.start {
      try SignalStorm.rage(every: 500) {
        let answer = try ground.queue.put(
          UnsafeRawBufferPointer(start: nil, count: 0), until: Deadline(after: .milliseconds(50)))
        ground.setNote(3, answer == .timedOut ? 2 : 1)
        ground.setNote(1, try ground.queue.tasks.join(until: Deadline(after: .milliseconds(50))) ? 1 : 2)
        _ = try ground.get()
        let getting = try ground.queue.get(until: Deadline(after: .milliseconds(50))) { _ in }
        ground.setNote(2, getting == .timedOut ? 2 : 1)
      }
    }
    ground.end(child)
    XCTAssertEqual([ground.note(1), ground.note(2), ground.note(3)], [2, 2, 2])
    try ground.examine(holding: [[]])
  }

  func testJoin() throws {
    let ground = try QueueGround(holding: [1, 2, 3])
    let joiner = try ground.start {
      try SignalStorm.rage(every: 500) { _ = try ground.queue.tasks.join(until: .never) }
    }
    for _ in 0..<3 {
      usleep(20_000)
      XCTAssertTrue(isRunning(joiner.pid))
      XCTAssertTrue(try ground.queue.tasks.done())
    }
    ground.end(joiner)
    try ground.examine(holding: [[1, 2, 3]])
  }

  /// Memory for it takes longer to reserve than signals leave time.
  func testALargePut() throws {
    let ground = try QueueGround()
    let length = 64 << 20
    let putter = try ground.start { try SignalStorm.rage(every: 500) { try ground.put(7, length: length) } }
    ground.end(putter)
    XCTAssertEqual(try ground.get(), 7)
    try ground.examine(holding: [[]])
  }
}
