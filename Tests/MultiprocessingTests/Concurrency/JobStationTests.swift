import MultiprocessingEngine
import TestSupport
import XCTest

@testable import Multiprocessing

/// Where jobs meet threads: none is lost, none runs twice, and those that sleep are woken.
final class JobStationTests: AuditedTestCase {
  private typealias Station = JobStation<Int>

  private static func job(_ turn: Station.Turn) -> Int? {
    if case .job(let number) = turn { number } else { nil }
  }

  private static func isClosed(_ turn: Station.Turn) -> Bool {
    if case .closed = turn { true } else { false }
  }

  func testEveryJobRunsOnce() {
    for _ in 0..<20 {
      let station = Station(threads: 3, threadLimit: 3)
      let count = Count()
      let results = concurrently(5) { number -> [Int] in
        if number < 2 {
          for job in 0..<500 {
            let time = job % 7 == 0 ? Deadline(after: .microseconds(job)) : .now
            _ = station.add(number * 500 + job, priority: UInt8(job % 3), at: time)
          }
          return []
        }
        var jobs: [Int] = []
        // The last of all closes for the others.
        while let job = Self.job(station.next(until: Deadline(after: .seconds(30)))) {
          jobs.append(job)
          if count.add() == 1000 { station.close() }
        }
        return jobs
      }
      XCTAssertEqual(results.joined().sorted(), Array(0..<1000))
    }
  }

  private final class Count: Sendable {
    private let number = ForkAwareLock(0)
    func add() -> Int {
      number.withLock {
        $0 += 1
        return $0
      }
    }
  }

  func testOutOfTime() {
    let station = Station(threads: 1, threadLimit: 1)
    guard case .outOfTime = station.next(until: .now) else { return XCTFail("a turn without a job") }
    guard case .outOfTime = station.next(until: Deadline(after: .milliseconds(5))) else {
      return XCTFail("a turn without a job")
    }
  }

  func testATimerThatIsEarlierThanTheOneWatched() {
    let station = Station(threads: 2, threadLimit: 2)
    let jobs = concurrently(3) { number -> Int? in
      if number < 2 { return Self.job(station.next(until: Deadline(after: .seconds(60)))) }
      _ = station.add(1, priority: 0, at: Deadline(after: .seconds(3600)))
      // One watches for the hour now, or will.
      _ = eventually { station.sleeperCount == 2 }
      _ = station.add(2, priority: 0, at: Deadline(after: .milliseconds(20)))
      _ = station.add(3, priority: 0, at: Deadline(after: .milliseconds(40)))
      return nil
    }
    XCTAssertEqual(Set(jobs.compactMap { $0 }), [2, 3])
  }

  func testATimerStillWatchedWhenItsWatcherLeavesWithAJob() {
    let station = Station(threads: 2, threadLimit: 2)
    let mailbox = Mailbox()
    let isReleased = Flag()
    let jobs = concurrently(3) { number -> [Int] in
      if number == 2 {
        _ = station.add(1, priority: 0, at: Deadline(after: .milliseconds(100)))
        _ = eventually { station.sleeperCount == 2 }
        _ = station.add(2, priority: 0)
        return []
      }
      var jobs: [Int] = []
      while let job = Self.job(station.next(until: Deadline(after: .seconds(60)))) {
        jobs.append(job)
        mailbox.post("\(job)")
        // Whoever has the job that is ready is busy until the timer's has come to the other one.
        if job == 2 { while !isReleased.isRaised { usleep(1000) } }
        if job == 1 {
          isReleased.raise()
          station.close()
        }
      }
      return jobs
    }
    XCTAssertEqual(Set(jobs.joined()), [1, 2])
  }

  func testAsksForThreads() {
    let station = Station(threads: 0, threadLimit: 2)
    XCTAssertTrue(station.add(1, priority: 0))
    XCTAssertTrue(station.add(2, priority: 0))
    XCTAssertFalse(station.add(3, priority: 0), "no more than the limit")
    XCTAssertEqual(station.threadCount, 2)
    XCTAssertFalse(station.lackThread(), "there is another one")
    XCTAssertTrue(station.lackThread())
    XCTAssertTrue(station.add(4, priority: 0, at: Deadline(after: .seconds(60))), "a timer needs a thread as well")
    XCTAssertTrue(station.widen())
    XCTAssertTrue(station.widen(), "past the limit")
  }

  func testStillness() {
    let station = Station(threads: 1, threadLimit: 1)
    XCTAssertNil(station.stillness(), "the thread does not sleep")
    let before = station.stillness(awake: 1)
    XCTAssertNotNil(before)
    _ = station.add(1, priority: 0)
    XCTAssertNil(station.stillness(awake: 1))
    XCTAssertNotNil(station.congestion)
    XCTAssertEqual(Self.job(station.next()), 1)
    XCTAssertNil(station.congestion)
    XCTAssertNotEqual(station.stillness(awake: 1), before)
    _ = station.add(2, priority: 0, at: Deadline(after: .seconds(60)))
    XCTAssertNil(station.stillness(awake: 1), "there is something to come")
  }

  func testClosed() {
    let station = Station(threads: 3, threadLimit: 3)
    let turns = concurrently(4) { number -> Bool in
      if number < 3 { return Self.isClosed(station.next()) }
      _ = eventually { station.sleeperCount > 0 }
      station.close()
      return true
    }
    XCTAssertEqual(turns, [true, true, true, true])
    XCTAssertNil(station.stillness(awake: 3), "the close is still to be acted on")
    _ = station.add(1, priority: 0)
    XCTAssertTrue(Self.isClosed(station.next()))
  }
}
