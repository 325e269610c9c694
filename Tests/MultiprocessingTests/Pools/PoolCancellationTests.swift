import Glibc
import Multiprocessing
import Synchronization
import TestSupport
import XCTest

/// What becomes of work that nobody wants any more.
final class PoolCancellationTests: TaskTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  /// The posts of workers, counted.
  private final class Counter: Sendable {
    private let mailbox = Mailbox()
    func add(_ number: Int) { mailbox.post("\(number)") }
    func numbers() throws -> [Int] { try mailbox.waiting().compactMap { Int($0) } }
  }

  func testVeryManyQueuedFutures() throws {
    let gate = Gate()
    let pool = try Pool(processes: 1)
    let first = try pool.submit { gate.pass() }
    let function = try pool.register { (number: Int) in number }
    let futures = try (0..<20_000).map { try pool.submit(function, args: $0) }
    XCTAssertTrue(futures.allSatisfy { $0.cancel() })
    XCTAssertTrue(futures.allSatisfy(\.isCancelled))
    let last = try pool.submit(function, args: -1)
    gate.open()
    try first.result()
    XCTAssertEqual(try last.result(), -1)
    pool.close()
    try pool.join()
    XCTAssertEqual(pool.statistics.tasks, 2)
  }

  func testVeryManyQueuedForThreads() throws {
    let gate = Gate()
    let pool = try ThreadPool(threads: 1)
    let first = try pool.submit { gate.pass() }
    let futures = try (0..<20_000).map { number in try pool.submit { number } }
    XCTAssertTrue(futures.reversed().allSatisfy { $0.cancel() })
    let last = try pool.submit { -1 }
    gate.open()
    try first.result()
    XCTAssertEqual(try last.result(), -1)
    pool.close()
    try pool.join()
    XCTAssertEqual(pool.statistics.tasks, 2)
  }

  func testLeavingALoop() throws {
    let started = Mailbox()
    let gate = Gate()
    let pool = try Pool(processes: 2)
    for result in try pool.imapUnordered(
      0..<1000,
      { number -> Int in
        started.post("\(number)")
        if number == 0 { gate.pass() }
        return number
      })
    {
      XCTAssertNotEqual(try result.get(), 0)
      break
    }
    // The one that runs still holds nobody up, for there is another worker.
    XCTAssertEqual(try pool.map(0..<100) { $0 + 1 }, Array(1...100))
    XCTAssertEqual(try pool.submit { 5 }.result(), 5)
    // And it is run to its end, but nothing that waited behind it.
    XCTAssertLessThan(try started.waiting().count, 100)
    gate.open()
    pool.close()
    try pool.join()
    XCTAssertEqual(try started.waiting(), [])
  }

  func testTheRestOfAChunkIsNotRun() throws {
    for isNumber in [true, false] {
      let counter = Counter()
      let (started, gate) = (Gate(), Gate())
      let pool = try Pool(processes: 1)
      do {
        let results: AnyObject
        if isNumber {
          results = try pool.imap(0..<1000, chunkSize: 1000) { (number: Int) -> Int in
            counter.add(number)
            if number == 3 {
              started.open()
              gate.pass()
            }
            return number
          }
        } else {
          results = try pool.imap((0..<1000).map { "\($0)" }, chunkSize: 1000) { (text: String) -> String in
            counter.add(Int(text) ?? -1)
            if text == "3" {
              started.open()
              gate.pass()
            }
            return text
          }
        }
        withExtendedLifetime(results) { started.pass() }
      }
      gate.open()
      XCTAssertEqual(try pool.submit { 5 }.result(), 5)
      XCTAssertEqual(try counter.numbers(), [0, 1, 2, 3])
    }
  }

  func testWhatAFailedMapLeaves() throws {
    struct Failure: Error, Codable {}
    let counter = Counter()
    let pool = try Pool(processes: 1)
    for chunkSize in [1, 50] {
      let error = thrown(Failure.self) {
        try pool.map(0..<50, chunkSize: chunkSize) { number -> Int in
          counter.add(number)
          // The next one is not taken before the parent knows.
          if number == 5 { usleep(1000) }
          if number == 4 { throw Failure() }
          return number
        }
      }
      XCTAssertNotNil(error)
      // The pool is there for others at once.
      XCTAssertEqual(try pool.map(0..<10) { $0 }, Array(0..<10))
      let numbers = try counter.numbers()
      XCTAssertEqual(Array(numbers.prefix(5)), [0, 1, 2, 3, 4])
    }
  }

  func testAMapInAnotherThreadGoesOn() throws {
    // Two maps at once: one fails, and takes nothing from the other.
    struct Failure: Error, Codable {}
    let pool = try Pool(processes: 2)
    let outcomes = concurrently(6) { number -> Bool in
      if number % 2 == 0 {
        return thrown(Failure.self) { try pool.map(0..<100) { if $0 == 10 { throw Failure() } } } != nil
      }
      return (try? pool.map(0..<500) { $0 * number }) == (0..<500).map { $0 * number }
    }
    XCTAssertEqual(outcomes, Array(repeating: true, count: 6))
  }

  func testCancellingResults() throws {
    let started = Gate()
    let pool = try Pool(processes: 2)
    let results = try pool.imap(0..<1000) { number -> Int in
      if number < 2 { return number }
      started.open()
      while true { pause() }
    }
    XCTAssertEqual(try results.next()?.get(), 0)
    started.pass()
    results.cancel()
    XCTAssertNil(results.next())
    results.cancel()
    // Those that ran are gone, and the pool has all its workers again.
    XCTAssertEqual(try pool.map(0..<100, chunkSize: 1) { $0 }, Array(0..<100))
    pool.close()
    try pool.join()
  }

  func testCancellingResultsOfThreads() throws {
    let pool = try ThreadPool(threads: 2)
    let results = try pool.imap(0..<1000) { $0 }
    XCTAssertEqual(try results.next()?.get(), 0)
    results.cancel()
    XCTAssertNil(results.next())
    XCTAssertEqual(try pool.map(0..<100) { $0 }, Array(0..<100))
  }

  func testCancellingInATask() async throws {
    let pool = try Pool(processes: 1)
    let results = try pool.imap(0..<1000) { number -> Int in
      if number == 0 { return number }
      while true { pause() }
    }
    var count = 0
    for try await result in results {
      XCTAssertEqual(try result.get(), 0)
      count += 1
      results.cancel()
    }
    XCTAssertEqual(count, 1)
    let last = try await pool.submit { 5 }.value
    XCTAssertEqual(last, 5)
  }

  /// Something captured that uses its pool as it goes.
  private final class Capture: Sendable {
    let pool: Mutex<Pool?>
    let number: Int

    init(_ pool: Pool, _ number: Int) {
      self.pool = Mutex(pool)
      self.number = number
    }

    deinit { _ = pool.withLock { $0?.statistics } }
  }

  func testWhatWasCapturedGoesWithoutALock() throws {
    let pool = try Pool(processes: 2)
    for round in 0..<30 {
      // By whom they are let go of last is anybody's guess.
      for number in 0..<4 {
        let capture = Capture(pool, number)
        let future = try pool.submit { capture.number }
        switch (round + number) % 3 {
        case 0: XCTAssertEqual(try future.result(), number)
        case 1: future.cancel()
        default: break
        }
      }
      let capture = Capture(pool, round)
      _ = try pool.imap(0..<10) { $0 + capture.number }.next()
    }
    pool.close()
    try pool.join()
  }
}
