import XCTest

@testable import Multiprocessing

/// The order in which jobs run: by priority and age.
final class JobQueueTests: XCTestCase {
  private func drain(_ queue: inout JobQueue<String>) -> [String] {
    var jobs: [String] = []
    while let job = queue.next() { jobs.append(job) }
    return jobs
  }

  func testEqualsInTheOrderTheyCame() {
    var queue = JobQueue<Int>()
    for number in 0..<1000 { queue.add(number, priority: 9) }
    XCTAssertEqual(queue.count, 1000)
    XCTAssertEqual((0..<1000).map { _ in queue.next() }, Array(0..<1000))
    XCTAssertNil(queue.next())
    XCTAssert(queue.isEmpty)
  }

  func testTheHigherPriorityFirst() {
    var queue = JobQueue<String>()
    for (job, priority) in [("low", 9), ("high", 25), ("middle", 21), ("high too", 25), ("lowest", 0)] {
      queue.add(job, priority: UInt8(priority))
    }
    XCTAssertEqual(drain(&queue), ["high", "high too", "middle", "low", "lowest"])
  }

  func testNobodyWaitsForEver() {
    var queue = JobQueue<String>()
    queue.add("low", priority: 9)
    var turns = 0
    repeat {
      queue.add("high", priority: 25)
      turns += 1
      XCTAssertLessThanOrEqual(turns, JobQueue<String>.turnsByPriority)
    } while queue.next() != "low" && turns <= JobQueue<String>.turnsByPriority
    XCTAssertGreaterThan(turns, 1)
  }

  /// Against the plainest implementation, with the turns by age.
  func testAgainstAModel() {
    var generator = SystemRandomNumberGenerator()
    var queue = JobQueue<Int>()
    var model: [(job: Int, priority: UInt8)] = []
    var turn = 0
    for number in 0..<5000 {
      if Bool.random(using: &generator) {
        let priority = [UInt8(0), 9, 17, 21, 25].randomElement(using: &generator)!
        queue.add(number, priority: priority)
        model.append((number, priority))
      } else {
        var expected: Int?
        if !model.isEmpty {
          turn += 1
          let highest = model.map(\.priority).max()
          let isByAge = turn % JobQueue<Int>.turnsByPriority == 0
          let index = isByAge ? 0 : model.firstIndex { $0.priority == highest }!
          expected = model.remove(at: index).job
        }
        XCTAssertEqual(queue.next(), expected)
      }
      XCTAssertEqual(queue.count, model.count)
    }
  }
}
