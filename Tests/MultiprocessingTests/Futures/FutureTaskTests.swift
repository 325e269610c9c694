import TestSupport
import XCTest

@testable import Multiprocessing

/// Tasks that wait for futures.
final class FutureTaskTests: TaskTestCase {
  private struct Trouble: Error, Equatable {}

  /// What a task met that was cancelled once it was about to wait.
  private func cancelled(_ body: @escaping @Sendable () async throws -> Void) async -> (any Error)? {
    let (begun, begin) = AsyncStream.makeStream(of: Void.self)
    let task = Task {
      begin.yield()
      try await body()
    }
    for await _ in begun { break }
    task.cancel()
    switch await task.result {
    case .success: return nil
    case .failure(let error): return error
    }
  }

  func testValues() async throws {
    let future = Future<Int>(cancel: { false })
    async let first = future.value
    async let second = future.result(timeout: .seconds(60))
    future.complete(.success(42))
    let values = try await [first, second, future.value]
    XCTAssertEqual(values, [42, 42, 42])
    let failed = Future<Int>(cancel: { false })
    failed.complete(.failure(Trouble()))
    do {
      _ = try await failed.value
      XCTFail("no error")
    } catch {
      XCTAssertEqual(error as? Trouble, Trouble())
    }
  }

  func testRunningOutOfTime() async throws {
    let future = Future<Int>(cancel: { false })
    for timeout in [Duration.seconds(-1), .zero, .milliseconds(5)] {
      do {
        _ = try await future.result(timeout: timeout)
        XCTFail("no error")
      } catch let error as TimeoutError {
        XCTAssertEqual(error.timeout, max(timeout, .zero))
      }
    }
    future.complete(.success(1))
    let value = try await future.result(timeout: .zero)
    XCTAssertEqual(value, 1)
  }

  func testCancellingTheTaskLeavesTheWork() async throws {
    let future = Future<Int>(cancel: { true })
    let error = await cancelled { _ = try await future.value }
    XCTAssertTrue(error is CancellationError)
    let timed = await cancelled { _ = try await future.result(timeout: .seconds(600)) }
    XCTAssertTrue(timed is CancellationError)
    XCTAssertFalse(future.isDone)
    future.complete(.success(1))
    let value = try await future.value
    XCTAssertEqual(value, 1)
  }

  func testCancellingTheTaskCancelsTheWorkWhenAsked() async throws {
    let future = Future<Int>(cancel: { true })
    let error = await cancelled { _ = try await future.result(cancelsOnCancellation: true) }
    XCTAssertTrue(error is CancellationError)
    XCTAssertTrue(future.isCancelled)
  }

  func testACancelledTaskGetsWhatIsThere() async throws {
    let future = Future<Int>(cancel: { true })
    future.complete(.success(1))
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await future.value
    }
    task.cancel()
    let value = try await task.value
    XCTAssertEqual(value, 1)
  }

  func testSeveral() async throws {
    let all = (0..<3).map { _ in Future<Int>(cancel: { true }) }
    all[1].complete(.success(1))
    var (done, pending) = try await waitForFutures(all, until: .firstCompleted)
    XCTAssertEqual(done, [all[1]])
    XCTAssertEqual(pending, [all[0], all[2]])
    do {
      _ = try await waitForFutures(all, timeout: .milliseconds(5))
      XCTFail("no error")
    } catch is TimeoutError {}
    let error = await cancelled { _ = try await waitForFutures(all) }
    XCTAssertTrue(error is CancellationError)
    async let waited = waitForFutures(all)
    all[0].complete(.success(0))
    all[2].complete(.failure(Trouble()))
    (done, pending) = try await waited
    XCTAssertEqual(done, all)
    XCTAssertEqual(pending, [])
  }

  func testTheOrderIsThatOfCompletion() async throws {
    let all = (0..<3).map { number in Future<Int>(cancel: { true }) }
    all[2].complete(.success(2))
    var values: [Int] = []
    for try await future in try asCompleted(all) {
      values.append(try await future.value)
      if values.count == 1 { all[0].complete(.success(0)) }
      if values.count == 2 { Task.detached { all[1].complete(.success(1)) } }
    }
    XCTAssertEqual(values, [2, 0, 1])
  }

  func testALoopThrowsWhenTimeRunsOut() async throws {
    let all = (0..<2).map { _ in Future<Int>(cancel: { true }) }
    all[1].complete(.success(1))
    let completed = try asCompleted(all, timeout: .milliseconds(5))
    var count = 0
    do {
      for try await _ in completed { count += 1 }
      XCTFail("no error")
    } catch is TimeoutError {}
    XCTAssertEqual(count, 1)
    XCTAssertEqual(completed.pending, [all[0]])
    let error = await cancelled { for try await _ in try asCompleted([all[0]]) {} }
    XCTAssertTrue(error is CancellationError)
  }

  func testCompletionAndCancellationMeet() async throws {
    for number in 0..<200 {
      let future = Future<Int>(cancel: { true })
      let task = Task { try await future.result(timeout: number.isMultiple(of: 2) ? .seconds(600) : nil) }
      let completer = Task.detached { future.complete(.success(number)) }
      task.cancel()
      switch await task.result {
      case .success(let value): XCTAssertEqual(value, number)
      case .failure(let error): XCTAssertTrue(error is CancellationError)
      }
      _ = await completer.value
    }
  }
}
