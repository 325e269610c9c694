import Synchronization
import TestSupport
import XCTest

@testable import Multiprocessing

/// The rules of a future's life, without threads.
final class FutureStateTests: XCTestCase {
  private struct Trouble: Error {}

  /// What was called, in order.
  private final class Calls: Sendable {
    private let names = Mutex<[String]>([])
    var all: [String] { names.withLock { $0 } }
    func listener(_ name: String) -> FutureState<Int>.Listener { { _ in self.names.withLock { $0.append(name) } } }
  }

  private func fresh() -> FutureState<Int> { FutureState(work: FutureWork(cancel: { true }, help: nil)) }

  func testItIsDoneOnce() throws {
    var state = fresh()
    XCTAssertNil(state.outcome)
    XCTAssertFalse(state.isRunning)
    state.markRunning()
    XCTAssertTrue(state.isRunning)
    XCTAssertNotNil(state.work)
    XCTAssertNotNil(state.complete(.success(1)))
    XCTAssertNil(state.complete(.success(2)))
    XCTAssertNil(state.complete(.failure(Trouble())))
    state.markRunning()
    XCTAssertFalse(state.isRunning)
    XCTAssertNil(state.work)
    XCTAssertEqual(try state.outcome?.get(), 1)
    XCTAssertFalse(state.isCancelled)
  }

  func testACancellationIsOneByItsError() {
    var cancelled = fresh()
    XCTAssertNotNil(cancelled.complete(.failure(CancellationError())))
    XCTAssertTrue(cancelled.isCancelled)
    var failed = fresh()
    XCTAssertNotNil(failed.complete(.failure(Trouble())))
    XCTAssertFalse(failed.isCancelled)
  }

  func testWaitersAreToldAheadOfCallbacks() {
    var state = fresh()
    let calls = Calls()
    XCTAssertTrue(state.addCallback(calls.listener("callback 1")))
    XCTAssertNotNil(state.addWaiter(calls.listener("waiter 1")))
    XCTAssertTrue(state.addCallback(calls.listener("callback 2")))
    XCTAssertNotNil(state.addWaiter(calls.listener("waiter 2")))
    let completion = state.complete(.success(1))
    XCTAssertEqual(calls.all, [])
    for listener in completion?.all ?? [] { listener(.success(1)) }
    XCTAssertEqual(calls.all, ["waiter 1", "waiter 2", "callback 1", "callback 2"])
  }

  func testOneWhoGivesUpIsNotTold() throws {
    var state = fresh()
    let calls = Calls()
    let first = try XCTUnwrap(state.addWaiter(calls.listener("first")))
    let second = try XCTUnwrap(state.addWaiter(calls.listener("second")))
    XCTAssertNotNil(state.removeWaiter(first))
    XCTAssertNil(state.removeWaiter(first))
    for listener in state.complete(.success(1))?.all ?? [] { listener(.success(1)) }
    XCTAssertEqual(calls.all, ["second"])
    XCTAssertNil(state.removeWaiter(second))
  }

  func testNobodyIsAddedToOneThatIsDone() {
    var state = fresh()
    XCTAssertNotNil(state.complete(.success(1)))
    XCTAssertNil(state.addWaiter { _ in })
    XCTAssertFalse(state.addCallback { _ in })
  }

  func testTally() {
    let value = Result<Int, any Error>.success(1)
    let failure = Result<Int, any Error>.failure(Trouble())
    let cancellation = Result<Int, any Error>.failure(CancellationError())
    /// After how many of these results the condition is met.
    func met(_ condition: FutureCondition, _ results: [Result<Int, any Error>]) -> Int? {
      var tally = FutureTally(condition, count: 3)
      for (index, result) in results.enumerated() {
        tally.add(result)
        if tally.isMet { return index + 1 }
      }
      return nil
    }
    XCTAssertEqual(met(.firstCompleted, [value]), 1)
    XCTAssertEqual(met(.firstCompleted, [cancellation]), 1)
    XCTAssertEqual(met(.firstFailed, [value, failure]), 2)
    XCTAssertNil(met(.firstFailed, [cancellation, value]))
    XCTAssertEqual(met(.firstFailed, [cancellation, value, value]), 3)
    XCTAssertNil(met(.allCompleted, [failure, value]))
    XCTAssertEqual(met(.allCompleted, [failure, value, cancellation]), 3)
    for condition in [FutureCondition.firstCompleted, .firstFailed, .allCompleted] {
      XCTAssertTrue(FutureTally(condition, count: 0).isMet)
      XCTAssertFalse(FutureTally(condition, count: 1).isMet)
    }
  }
}

extension FutureState.Completion {
  /// In the order in which they are told.
  fileprivate var all: [FutureState.Listener] { waiters + callbacks }
}
