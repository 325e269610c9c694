import XCTest

@testable import MultiprocessingEngine

/// By time, and among equals by arrival.
final class TimerHeapTests: XCTestCase {
  func testTimers() {
    var timers = TimerHeap<Int, String>()
    XCTAssertNil(timers.earliest)
    XCTAssertNil(timers.removeEarliest())
    for (time, name) in [(3, "c"), (1, "a"), (2, "b"), (1, "a too"), (0, "first"), (3, "c too")] {
      timers.add(name, at: time)
    }
    XCTAssertEqual(timers.earliest, 0)
    XCTAssertEqual((0..<6).map { _ in timers.removeEarliest() }, ["first", "a", "a too", "b", "c", "c too"])
    XCTAssert(timers.isEmpty)
  }

  func testManyTimers() {
    var timers = TimerHeap<Int, Int>()
    var expected: [(time: Int, number: Int)] = []
    for number in 0..<2000 {
      let time = Int.random(in: 0..<300)
      timers.add(number, at: time)
      expected.append((time, number))
      if number % 3 == 0 {
        let next = expected.indices.min { (expected[$0].time, $0) < (expected[$1].time, $1) }!
        XCTAssertEqual(timers.earliest, expected[next].time)
        XCTAssertEqual(timers.removeEarliest(), expected.remove(at: next).number)
      }
    }
    expected.sort { ($0.time, $0.number) < ($1.time, $1.number) }
    XCTAssertEqual(expected.map { _ in timers.removeEarliest() }, expected.map(\.number))
    XCTAssertNil(timers.removeEarliest())
  }

  func testWhatIsNotKeptIsGoneAndTheRestKeepsItsOrder() {
    var timers = TimerHeap<Int, Int>()
    for number in 0..<100 { timers.add(number, at: number % 7) }
    timers.keep { $0 % 3 == 0 }
    XCTAssertEqual(timers.count, 34)
    XCTAssertEqual(timers.next, 0)
    let expected = (0..<100).filter { $0 % 3 == 0 }.sorted { ($0 % 7, $0) < ($1 % 7, $1) }
    XCTAssertEqual(expected.map { _ in timers.removeEarliest() }, expected)
    XCTAssertNil(timers.removeEarliest())
  }
}
