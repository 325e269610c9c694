import TestSupport
import XCTest

@testable import Multiprocessing

final class SeveralFuturesTests: AuditedTestCase {
  private struct Trouble: Error {}

  private func futures(_ count: Int) -> [Future<Int>] {
    (0..<count).map { _ in Future(cancel: { true }) }
  }

  // MARK: Waiting for several

  func testEachIsInOneListInOrder() throws {
    let all = futures(4)
    all[3].complete(.success(3))
    all[1].complete(.success(1))
    let first = try waitForFutures(all, until: .firstCompleted)
    XCTAssertEqual(first.done, [all[1], all[3]])
    XCTAssertEqual(first.pending, [all[0], all[2]])
    XCTAssertNotNil(thrown(TimeoutError.self) { try waitForFutures(all, timeout: .zero) })
    XCTAssertNotNil(
      thrown(TimeoutError.self) { try waitForFutures(all, until: .firstFailed, timeout: .milliseconds(5)) })
    all[0].complete(.success(0))
    all[2].complete(.success(2))
    for condition in [FutureCondition.firstCompleted, .firstFailed, .allCompleted] {
      let (done, pending) = try waitForFutures(all, until: condition, timeout: .zero)
      XCTAssertEqual(done, all)
      XCTAssertEqual(pending, [])
    }
  }

  func testNoneIsDoneAtOnce() throws {
    for condition in [FutureCondition.firstCompleted, .firstFailed, .allCompleted] {
      let (done, pending) = try waitForFutures([Future<Int>](), until: condition)
      XCTAssertTrue(done.isEmpty && pending.isEmpty)
    }
    XCTAssertTrue(try asCompleted([Future<Int>]()).map { $0 }.isEmpty)
  }

  func testTheFirstFailureEndsTheWait() throws {
    let all = futures(3)
    let thread = TestThread {
      all[0].complete(.success(0))
      all[1].cancel()
      all[2].complete(.failure(Trouble()))
    }
    let (done, pending) = try waitForFutures(all, until: .firstFailed)
    thread.join()
    // A cancelled one alone would not have ended it.
    XCTAssertEqual(done, all)
    XCTAssertEqual(pending, [])
  }

  func testOneThatIsNamedTwice() throws {
    let future = Future<Int>(cancel: { true })
    let thread = TestThread { future.complete(.success(1)) }
    XCTAssertEqual(try waitForFutures([future, future]).done, [future, future])
    XCTAssertEqual(try asCompleted([future, future]).map { $0 }, [future])
    thread.join()
  }

  func testAWaitThatGaveUpLeavesNothingBehind() throws {
    weak var held: Future<Int>?
    do {
      let all = futures(2)
      held = all[0]
      XCTAssertNotNil(thrown(TimeoutError.self) { try waitForFutures(all, timeout: .zero) })
      for future in try asCompleted(all, timeout: .zero) { XCTFail("\(future)") }
    }
    XCTAssertNil(held)
  }

  func testManyCompletersAndWaiters() throws {
    for _ in 0..<30 {
      let all = futures(20)
      let counts = concurrently(4) { number in
        if number < 2 {
          for index in stride(from: number, to: 20, by: 2) { all[index].complete(.success(index)) }
          return 20
        }
        return (try? waitForFutures(all).done.count) ?? -1
      }
      XCTAssertEqual(counts, [20, 20, 20, 20])
    }
  }

  // MARK: In the order of completion

  func testTheOrderIsThatOfCompletion() throws {
    let all = futures(4)
    all[2].complete(.success(2))
    let completed = try asCompleted(all)
    XCTAssertEqual(completed.pending, all)
    all[0].complete(.success(0))
    var values: [Int] = []
    for future in completed {
      values.append(try future.result())
      switch values.count {
      case 2: all[3].complete(.success(3))
      case 3: all[1].complete(.success(1))
      default: break
      }
    }
    XCTAssertEqual(values, [2, 0, 3, 1])
    XCTAssertEqual(completed.pending, [])
  }

  func testALoopEndsWhenTimeRunsOut() throws {
    let all = futures(3)
    all[1].complete(.success(1))
    let completed = try asCompleted(all, timeout: .milliseconds(5))
    XCTAssertEqual(completed.map { $0 }, [all[1]])
    XCTAssertEqual(completed.pending, [all[0], all[2]])
  }

  func testLoopsShare() throws {
    for _ in 0..<20 {
      let all = futures(30)
      let completed = try asCompleted(all)
      let got = concurrently(4) { number -> [Future<Int>] in
        if number == 0 {
          for future in all { future.complete(.success(1)) }
          return []
        }
        return completed.map { $0 }
      }
      XCTAssertEqual(got.joined().count, 30)
      XCTAssertEqual(Set(got.joined()), Set(all))
    }
  }

  func testCancelledAndFailedOnesCome() throws {
    let all = futures(2)
    all[1].cancel()
    all[0].complete(.failure(Trouble()))
    XCTAssertEqual(try asCompleted(all).map { $0.isCancelled }.filter { $0 }.count, 1)
  }
}
