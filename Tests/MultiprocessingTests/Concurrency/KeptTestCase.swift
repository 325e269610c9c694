import Multiprocessing
import MultiprocessingEngine
import TestSupport
import XCTest

/// Tests with tasks that wait for what lies in shared memory.
class KeptTestCase: TaskTestCase {
  let longest = Duration.seconds(100)

  /// Comes back once `count` such waits of this process have begun.
  func untilWaiting(_ count: Int) async throws {
    while Keeper.waitCount < count { try await Task.sleep(for: .microseconds(200)) }
  }

  func thrownError(_ body: () async throws -> some Any) async -> (any Error)? {
    do {
      _ = try await body()
      return nil
    } catch {
      return error
    }
  }

  /// A wait of each kind that is cancelled before it begins, and while it lasts, throws `CancellationError`.
  func assertCancels(_ name: String, _ body: @escaping @Sendable () async throws -> Void) async throws {
    let before = Task {
      while !Task.isCancelled { await Task.yield() }
      try await body()
    }
    before.cancel()
    let early = await before.result
    XCTAssertThrowsError(try early.get(), name) { XCTAssert($0 is CancellationError, "\(name): \($0)") }
    let during = Task { try await body() }
    try await untilWaiting(1)
    during.cancel()
    let late = await during.result
    XCTAssertThrowsError(try late.get(), name) { XCTAssert($0 is CancellationError, "\(name): \($0)") }
  }

  /// A wait of each kind runs out of time, in the words of the blocking one.
  func assertTimesOut(_ operation: String, _ body: (Duration) async throws -> Void) async {
    for timeout in [Duration.seconds(-1), .zero, .milliseconds(20)] {
      let error = await thrownError { try await body(timeout) }
      XCTAssertEqual(
        (error as? TimeoutError)?.timeout, max(timeout, .zero), "\(operation): \(String(describing: error))")
      XCTAssertEqual((error as? TimeoutError)?.operation, operation)
    }
  }
}
