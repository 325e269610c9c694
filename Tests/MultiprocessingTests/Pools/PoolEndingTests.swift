import Glibc
import TestSupport
import XCTest

@testable import Multiprocessing

/// Pools that end, or cannot begin, while somebody waits for results: everybody is told.
final class PoolEndingTests: AuditedTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  private struct Refusal: Error, Codable, Equatable {
    var text = ""
  }

  private func rest(of results: PoolResults<Int>) -> (values: [Int], errors: [any Error]) {
    var values: [Int] = []
    var errors: [any Error] = []
    while let result = results.next() {
      do { values.append(try result.get()) } catch { errors.append(error) }
    }
    return (values, errors)
  }

  func testClosingWhileAMapBegins() throws {
    var random = SystemRandomNumberGenerator()
    for round in 0..<150 {
      let pool = try Pool(processes: 2)
      let thread = Thread {
        do {
          return round % 2 == 0
            ? try pool.map(0..<100, chunkSize: 1) { $0 + round }.count
            : try pool.imap(0..<100) { $0 + round }.reduce(0) { count, _ in count + 1 }
        } catch PoolError.closed {
          return 100
        }
      }
      try thread.start()
      usleep(UInt32.random(in: 0..<150, using: &random))
      pool.close()
      XCTAssertTrue(try pool.join())
      XCTAssertEqual(try thread.result(), 100)
    }
  }

  func testATerminatedPoolIsToldInThePlaceOfTheNextResult() throws {
    let pool = try Pool(processes: 2)
    let results = try pool.imap(1...1000, chunkSize: 10) { $0 }
    XCTAssertEqual(try results.next()?.get(), 1)
    pool.terminate()
    let (values, errors) = rest(of: results)
    XCTAssertLessThan(values.count, 999)
    XCTAssertEqual(values, Array(2..<2 + values.count))
    XCTAssertEqual(errors.count, 1)
    XCTAssertTrue(errors.first is CancellationError)
  }

  func testATerminatedPoolOfThreadsIsToldAsWell() throws {
    for processed in [1, 7, 40] {
      let pool = try ThreadPool(threads: 2)
      let results = try pool.imap(1...100_000, chunkSize: 10) { $0 }
      for number in 1...processed { XCTAssertEqual(try results.next()?.get(), number) }
      pool.terminate()
      let (values, errors) = rest(of: results)
      XCTAssertLessThan(values.count, 99_000)
      // What was running may bring its own cancellation.
      XCTAssertGreaterThan(errors.count, 0)
      XCTAssertTrue(errors.allSatisfy { $0 is CancellationError })
      pool.close()
    }
  }

  func testAWorkerThatCannotBeginWhileAnotherWorks() throws {
    for isOrdered in [false, true] {
      let begun = try SharedAtomic(0)
      let pool = try Pool(processes: 2, initializer: { if begun.add(1) > 1 { throw Refusal() } })
      let body: @Sendable (Int) -> Int = { number in
        usleep(20_000)
        return number
      }
      let results = isOrdered ? try pool.imap(1...40, body) : try pool.imapUnordered(1...40, body)
      let errors = rest(of: results).errors
      XCTAssertTrue(errors.contains { if case PoolError.initializerFailed = $0 { true } else { false } })
      pool.terminate()
    }
  }

  func testAnInitializerWithMuchToSay() throws {
    let pool = try Pool(
      processes: 1, initializer: { throw Refusal(text: String(repeating: "👨‍👩‍👧‍👦", count: 5000)) })
    do {
      _ = try pool.submit { 1 }.result()
      XCTFail("no error")
    } catch PoolError.initializerFailed(let error) {
      XCTAssertTrue(error.message.contains("👨‍👩‍👧‍👦"))
    }
  }
}

/// The order of results alone.
final class ResultOrderTests: XCTestCase {
  private struct Trouble: Error {}

  private func taken(_ order: inout ResultOrder<Int>) -> [Int] {
    var values: [Int] = []
    while case .success(let value)? = order.next(isDone: false).result { values.append(value) }
    return values
  }

  func testResultsAreHeldBackUntilTheirTurn() {
    var order = ResultOrder<Int>(isOrdered: true)
    for index in [2, 1, 4] { order.add(index, .success(index)) }
    XCTAssertEqual(order.unread, 3)
    XCTAssertEqual(taken(&order), [])
    order.add(0, .success(0))
    XCTAssertEqual(taken(&order), [0, 1, 2])
    XCTAssertEqual(order.unread, 1)
    XCTAssertTrue(order.next(isDone: true).isOver)
    var any = ResultOrder<Int>(isOrdered: false)
    for index in [2, 1, 4] { any.add(index, .success(index)) }
    XCTAssertEqual(taken(&any), [2, 1, 4])
  }

  func testAFailureIsToldOnceAndAfterWhatIsThere() {
    var order = ResultOrder<Int>(isOrdered: true)
    for index in 0..<2 { order.add(index, .success(index)) }
    order.fail(Trouble())
    XCTAssertFalse(order.isWanting)
    for expected in 0..<2 { XCTAssertEqual(try order.next(isDone: false).result?.get(), expected) }
    XCTAssertThrowsError(try order.next(isDone: false).result?.get())
    let (result, isOver) = order.next(isDone: false)
    XCTAssertNil(result)
    XCTAssertTrue(isOver)
  }

  func testNothingIsToldOfWhatWasCancelled() {
    var order = ResultOrder<Int>(isOrdered: false)
    order.add(0, .success(0))
    order.cancel()
    XCTAssertFalse(order.isWanting)
    XCTAssertTrue(order.next(isDone: false).isOver)
  }
}
