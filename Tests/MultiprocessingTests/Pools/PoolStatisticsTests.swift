import XCTest

@testable import Multiprocessing

final class PoolStatisticsTests: XCTestCase {
  private static let second: UInt64 = 1_000_000_000

  func testWhatWorkersDo() {
    var tally = PoolTally()
    XCTAssertEqual(tally.statistics(at: 0), PoolStatistics())
    tally.began(1, id: 100, at: 10 * Self.second)
    tally.ran(1, tasks: 5, for: 2 * Self.second)
    tally.ran(1, tasks: 1, for: Self.second)
    tally.saw(1, memory: 500)
    tally.saw(1, memory: 300)
    let statistics = tally.statistics(at: 20 * Self.second)
    XCTAssertEqual(statistics.workers.count, 2)
    XCTAssertEqual(statistics.workers[0], PoolStatistics.Worker())
    XCTAssertEqual(
      statistics.workers[1],
      PoolStatistics.Worker(
        id: 100, tasks: 6, busyTime: .seconds(3), idleTime: .seconds(7), restarts: 0, peakMemory: 500))
    XCTAssertEqual(statistics.workers[1].load, 0.3, accuracy: 1e-9)
  }

  func testOneWorkerFollowsAnother() {
    var tally = PoolTally()
    tally.began(0, id: 1, at: 0)
    tally.ran(0, tasks: 1, for: Self.second)
    tally.ended(0, at: 4 * Self.second)
    tally.ended(0, at: 5 * Self.second)
    XCTAssertNil(tally.statistics(at: 9 * Self.second).workers[0].id)
    XCTAssertEqual(tally.statistics(at: 9 * Self.second).workers[0].idleTime, .seconds(3))
    tally.began(0, id: 2, at: 10 * Self.second)
    tally.ran(0, tasks: 1, for: Self.second)
    let worker = tally.statistics(at: 12 * Self.second).workers[0]
    XCTAssertEqual(
      worker,
      PoolStatistics.Worker(id: 2, tasks: 2, busyTime: .seconds(2), idleTime: .seconds(4), restarts: 1, peakMemory: 0))
  }

  func testBusierThanTheClock() {
    var tally = PoolTally()
    tally.began(0, id: 1, at: 5)
    tally.ran(0, tasks: 1, for: 10)
    let worker = tally.statistics(at: 0).workers[0]
    XCTAssertEqual(worker.busyTime, .nanoseconds(10))
    XCTAssertEqual(worker.idleTime, .zero)
    XCTAssertEqual(worker.load, 1)
    XCTAssertEqual(PoolStatistics.Worker().load, 0)
  }

  func testSumsAndWords() {
    let statistics = PoolStatistics(workers: [
      PoolStatistics.Worker(
        id: 7, tasks: 3, busyTime: .milliseconds(1500), idleTime: .milliseconds(500), restarts: 1, peakMemory: 3 << 20),
      PoolStatistics.Worker(tasks: 1, busyTime: .seconds(1)),
    ])
    XCTAssertEqual(statistics.tasks, 4)
    XCTAssertEqual(statistics.busyTime, .milliseconds(2500))
    XCTAssertEqual(statistics.idleTime, .milliseconds(500))
    XCTAssertEqual(statistics.restarts, 1)
    XCTAssertEqual(statistics.peakMemory, 3 << 20)
    XCTAssertEqual(
      statistics.description,
      """
      worker 1 (7): 3 tasks, 1.50 s busy, 0.50 s idle, 1 restarts, 3 MiB at most
      worker 2: 1 tasks, 1.00 s busy, 0.00 s idle, 0 restarts
      all: 4 tasks, 2.50 s busy, 0.50 s idle, 1 restarts, 3 MiB at most
      """)
  }
}
