import Synchronization
import TestSupport
import XCTest

@testable import Multiprocessing

/// Futures as their owners see them, completed by threads of the test.
final class FutureTests: AuditedTestCase {
  private struct Trouble: Error, Equatable {
    var number = 1
  }

  func testAThreadWaitsForAValue() throws {
    let future = Future<Int>(cancel: { false })
    XCTAssertFalse(future.isDone)
    XCTAssertFalse(future.isRunning)
    let thread = TestThread {
      future.markRunning()
      future.complete(.success(42))
    }
    XCTAssertEqual(try future.result(), 42)
    XCTAssertEqual(try future.result(timeout: .zero), 42)
    thread.join()
    XCTAssertTrue(future.isDone)
    XCTAssertFalse(future.isRunning)
    XCTAssertFalse(future.isCancelled)
    XCTAssertFalse(future.cancel())
  }

  func testManyThreadsWaitForOne() throws {
    let future = Future<Int>(cancel: { false })
    let ready = Gate()
    let completer = TestThread {
      for _ in 0..<8 { ready.pass() }
      future.complete(.success(7))
    }
    let values = concurrently(8) { _ in
      ready.open()
      return try? future.result()
    }
    completer.join()
    XCTAssertEqual(values, Array(repeating: 7, count: 8))
  }

  func testTheErrorComesAsItIs() {
    let future = Future<Int>(cancel: { false })
    XCTAssertTrue(future.complete(.failure(Trouble(number: 3))))
    assertThrows(Trouble(number: 3)) { try future.result() }
    assertThrows(Trouble(number: 3)) { try future.result(timeout: .seconds(-1)) }
    XCTAssertFalse(future.isCancelled)
  }

  func testTheFirstResultStays() throws {
    let future = Future<Int>(cancel: { false })
    XCTAssertTrue(future.complete(.success(1)))
    XCTAssertFalse(future.complete(.success(2)))
    XCTAssertEqual(try future.result(), 1)
  }

  func testRunningOutOfTimeLeavesTheWork() throws {
    let future = Future<Int>(cancel: { false })
    for timeout in [Duration.seconds(-1), .zero, .milliseconds(5)] {
      let error = thrown(TimeoutError.self) { try future.result(timeout: timeout) }
      XCTAssertEqual(error?.timeout, max(timeout, .zero))
    }
    future.complete(.success(1))
    XCTAssertEqual(try future.result(timeout: .zero), 1)
  }

  // MARK: Cancelling

  func testCancelAsksTheOwnerAndEndsTheFuture() {
    let asked = Atomic(0)
    let future = Future<Int>(cancel: {
      asked.add(1, ordering: .relaxed)
      return true
    })
    XCTAssertTrue(future.cancel())
    XCTAssertTrue(future.cancel())
    XCTAssertEqual(asked.load(ordering: .relaxed), 1)
    XCTAssertTrue(future.isDone)
    XCTAssertTrue(future.isCancelled)
    XCTAssertNotNil(thrown(CancellationError.self) { try future.result() })
    XCTAssertFalse(future.complete(.success(1)), "a result that comes too late is dropped")
  }

  func testWhatCannotBeCancelledGoesOn() throws {
    let future = Future<Int>(cancel: { false })
    XCTAssertFalse(future.cancel())
    XCTAssertFalse(future.isDone)
    future.complete(.success(1))
    XCTAssertEqual(try future.result(), 1)
  }

  func testAnOwnerThatCompletesItWhileItIsAsked() throws {
    // Safe: set once, before anybody calls.
    nonisolated(unsafe) var future: Future<Int>!
    future = Future(cancel: {
      future.complete(.success(5))
      return true
    })
    XCTAssertFalse(future.cancel())
    XCTAssertEqual(try future.result(), 5)
    future = nil
  }

  func testCancellationWakesThoseWhoWait() throws {
    let future = Future<Int>(cancel: { true })
    let started = Gate()
    let canceller = TestThread {
      started.pass()
      future.cancel()
    }
    started.open()
    XCTAssertNotNil(thrown(CancellationError.self) { try future.result() })
    canceller.join()
  }

  func testOneOfManyCompletersWins() throws {
    for _ in 0..<50 {
      let future = Future<Int>(cancel: { true })
      let told = Atomic(0)
      future.onCompletion { _ in told.add(1, ordering: .relaxed) }
      let wins = concurrently(4) { number in
        number == 0 ? future.cancel() : future.complete(.success(number))
      }
      XCTAssertEqual(wins.filter { $0 }.count, 1)
      XCTAssertEqual(told.load(ordering: .relaxed), 1)
    }
  }

  // MARK: Callbacks

  func testCallbacksRunOnceOnTheCompletingThread() throws {
    let future = Future<Int>(cancel: { false })
    let mail = Mailbox()
    for name in ["one", "two"] {
      future.onCompletion { result in
        // It may ask whatever it likes: no lock is held.
        mail.post("\(name) \((try? result.get()) == (try? future.result())) \(pthread_self())")
      }
    }
    let thread = TestThread {
      mail.post("\(pthread_self())")
      future.complete(.success(1))
    }
    thread.join()
    let number = try mail.next()
    XCTAssertEqual(try mail.waiting(), ["one true \(number)", "two true \(number)"])
  }

  func testACallbackOfAFutureThatIsDoneIsCalledAtOnce() {
    let future = Future<Int>(cancel: { false })
    future.complete(.failure(Trouble()))
    // Safe: called on this thread.
    nonisolated(unsafe) var error: (any Error)?
    future.onCompletion { if case .failure(let failure) = $0 { error = failure } }
    XCTAssertEqual(error as? Trouble, Trouble())
  }

  func testCallbacksAndCompletionMeet() {
    for _ in 0..<50 {
      let future = Future<Int>(cancel: { false })
      let told = Atomic(0)
      _ = concurrently(4) { number in
        if number == 0 {
          future.complete(.success(1))
        } else {
          for _ in 0..<10 { future.onCompletion { _ in told.add(1, ordering: .relaxed) } }
        }
      }
      XCTAssertEqual(told.load(ordering: .relaxed), 30)
    }
  }

  func testADoneFutureLetsGoOfItsOwner() {
    final class Owner: Sendable {}
    var owner: Owner? = Owner()
    weak let held = owner
    let future = Future<Int>(cancel: { [owner] in owner != nil }, help: { [owner] in owner == nil })
    owner = nil
    XCTAssertNotNil(held)
    future.complete(.success(1))
    XCTAssertNil(held)
    withExtendedLifetime(future) {}
  }

  // MARK: Helping

  func testOneWhoWaitsMayDoTheWork() throws {
    nonisolated(unsafe) var rounds = 0
    nonisolated(unsafe) var future: Future<Int>!
    // Safe: both are touched by this thread alone.
    future = Future(
      cancel: { false },
      help: {
        rounds += 1
        if rounds == 3 { future.complete(.success(rounds)) }
        return true
      })
    XCTAssertEqual(try future.result(), 3)
    XCTAssertEqual(rounds, 3)
    future = nil
  }

  func testHelpThatHasNothingToDoLetsTheThreadSleep() throws {
    let future = Future<Int>(cancel: { false }, help: { false })
    let thread = TestThread { future.complete(.success(1)) }
    XCTAssertEqual(try future.result(), 1)
    thread.join()
  }

  // MARK: Forks

  func testAFutureStaysWithItsProcess() throws {
    let done = Future<Int>(cancel: { true })
    let open = Future<Int>(cancel: { true })
    done.complete(.success(4))
    let child = Process(target: { () -> [String] in
      var met: [String] = ["\(try done.result())", "\(open.cancel())", "\(open.isDone)"]
      do {
        _ = try open.result()
      } catch FutureError.notParent {
        met.append("not the parent's child")
      }
      do {
        _ = try waitForFutures([done, open])
      } catch FutureError.notParent {
        met.append("nor here")
      }
      met.append("\(try waitForFutures([done]).done.count)")
      return met
    })
    try child.start()
    XCTAssertEqual(try child.result(), ["4", "false", "false", "not the parent's child", "nor here", "1"])
    XCTAssertTrue(open.cancel())
  }

  func testAChildHasFuturesOfItsOwn() throws {
    let child = Process(target: { () -> Int in
      let future = Future<Int>(cancel: { false })
      let thread = TestThread { future.complete(.success(6)) }
      let value = try future.result()
      thread.join()
      return value
    })
    try child.start()
    XCTAssertEqual(try child.result(), 6)
  }

  func testTheErrorIsASentenceAndCrosses() throws {
    XCTAssertTrue(FutureError.notParent.description.contains("wait for it in the process that made it"))
    let child = Process(target: { () -> Int in throw FutureError.notParent })
    try child.start()
    assertThrows(FutureError.notParent) { try child.result() }
  }
}
