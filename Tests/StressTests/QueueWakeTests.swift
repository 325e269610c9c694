import CEngineTestSupport
import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// One element that goes to and fro between processes that sleep for it. A wake-up that is lost stops it for ever.
final class QueueWakeTests: AuditedTestCase {
  override var patience: Double { 400 }

  /// Sends one element through two queues, with so many processes on either side, until it has gone `trips` times to and fro.
  private func check(
    capacity: Int?, eachSide: Int, oneProcessor: Bool, trips: Int = 100_000, line: UInt = #line
  ) throws {
    let there = try Queue<Int>(capacity: capacity)
    let back = try Queue<Int>(capacity: capacity)
    let passes = 2 * trips
    let processes = (0..<2 * eachSide).map { number in
      Process { () -> Int in
        if oneProcessor { ets_stay_on_one_processor(false) }
        let (mine, other) = number % 2 == 0 ? (there, back) : (back, there)
        var count = 0
        for element in mine {
          count += 1
          if element == passes {
            there.close()
            back.close()
          } else {
            try other.put(element + 1)
          }
        }
        return count
      }
    }
    for process in processes { try process.start() }
    try there.put(1)
    var counts: [Int] = []
    for process in processes {
      do { counts.append(try process.result(timeout: .seconds(300))) } catch {
        XCTFail("\(error): \(there.count) and \(back.count) elements wait", line: line)
        for process in processes { try process.kill() }
      }
    }
    XCTAssertEqual(counts.reduce(0, +), passes, line: line)
    for side in 0..<2 {
      XCTAssertEqual(counts.indices.filter { $0 % 2 == side }.map { counts[$0] }.reduce(0, +), trips, line: line)
    }
  }

  func testTwoProcesses() throws { try check(capacity: nil, eachSide: 1, oneProcessor: false) }
  func testTwoProcessesOnOneProcessor() throws { try check(capacity: nil, eachSide: 1, oneProcessor: true) }
  func testTwoProcessesWithRoomForOne() throws { try check(capacity: 1, eachSide: 1, oneProcessor: false) }
  func testTwoProcessesWithRoomForOneOnOneProcessor() throws { try check(capacity: 1, eachSide: 1, oneProcessor: true) }
  func testFourProcesses() throws { try check(capacity: nil, eachSide: 2, oneProcessor: false) }
  func testFourProcessesOnOneProcessor() throws { try check(capacity: nil, eachSide: 2, oneProcessor: true) }

  /// Producers that meet a full queue and consumers that meet an empty one, in turns.
  func testFourProcessesOverOnePlace() throws {
    for oneProcessor in [false, true] {
      let queue = try Queue<Int>(capacity: 1)
      let count = 50_000
      let producers = (0..<2).map { producer in
        Process {
          if oneProcessor { ets_stay_on_one_processor(false) }
          for number in 0..<count { try queue.put(producer * count + number) }
        }
      }
      let consumers = (0..<2).map { _ in
        Process { () -> Int in
          if oneProcessor { ets_stay_on_one_processor(false) }
          return queue.reduce(0, +)
        }
      }
      for process in producers { try process.start() }
      for process in consumers { try process.start() }
      for process in producers { try process.result(timeout: .seconds(300)) }
      queue.close()
      let sum = try consumers.map { try $0.result(timeout: .seconds(300)) }.reduce(0, +)
      XCTAssertEqual(sum, count * (2 * count - 1))
    }
  }
}
