import Glibc
import Multiprocessing
import TestSupport
import XCTest

import class Multiprocessing.Process

/// Tasks that wait for processes.
final class ParentWaitTests: TaskTestCase {
  private struct Trouble: Error, Codable, Equatable {
    var number: Int
  }

  /// A process that ends when `gate` opens.
  private func gated(_ gate: Gate) throws -> Process<Int> {
    let process = Process(target: { () -> Int in
      gate.pass()
      return 42
    })
    try process.start()
    return process
  }

  /// What a task met that was cancelled a moment after its start.
  private func cancelled(_ body: @escaping @Sendable () async throws -> Void) async -> (any Error)? {
    let task = Task { try await body() }
    try? await Task.sleep(for: .milliseconds(20))
    task.cancel()
    switch await task.result {
    case .success: return nil
    case .failure(let error): return error
    }
  }

  // MARK: Ends of all kinds

  func testJoin() async throws {
    let gate = Gate()
    let process = try gated(gate)
    var hasEnded = try await process.join(timeout: .zero)
    XCTAssertFalse(hasEnded)
    hasEnded = try await process.join(timeout: .milliseconds(30))
    XCTAssertFalse(hasEnded)
    gate.open()
    hasEnded = try await process.join()
    XCTAssertTrue(hasEnded)
    XCTAssertEqual(process.exitCode, 0)
    hasEnded = try await process.join(timeout: .seconds(-1))
    XCTAssertTrue(hasEnded)
  }

  func testValues() async throws {
    let process = Process(target: { (a: Int, b: Int) in a * b }, args: (6, 7))
    try process.start()
    let values = try await [process.value, process.value, process.result(timeout: .seconds(60))]
    XCTAssertEqual(values, [42, 42, 42])
    // The blocking one answers as well, reached through a synchronous function.
    func block() throws -> Int { try process.result() }
    XCTAssertEqual(try block(), 42)
  }

  func testErrors() async throws {
    let failing = Process(target: { () throws -> Int in throw Trouble(number: 3) })
    let crashing = Process(target: { () -> Int in fatalError("on purpose") })
    let exiting = Process(target: { () -> Int in exit(5) })
    let hanging = Process(target: { () -> Int in
      sleep(3600)
      return 0
    })
    for process in [failing, crashing, exiting, hanging] { try process.start() }
    try hanging.kill()
    let trouble = await thrownError { try await failing.value }
    XCTAssertEqual(trouble as? Trouble, Trouble(number: 3))
    let crash = await thrownError { try await crashing.value }
    guard case .crashed(let report)? = crash as? ProcessError else { return XCTFail("\(String(describing: crash))") }
    XCTAssertEqual(report.message, "on purpose")
    let ended = await thrownError { try await exiting.value }
    XCTAssertEqual(ended as? ProcessError, .exited(5))
    let killed = await thrownError { try await hanging.value }
    XCTAssertEqual(killed as? ProcessError, .killed(.kill))
  }

  private func thrownError(_ body: () async throws -> some Any) async -> (any Error)? {
    do {
      _ = try await body()
      return nil
    } catch {
      return error
    }
  }

  func testMisuse() async throws {
    let process = Process(target: { 1 })
    let early = await thrownError { try await process.join() }
    XCTAssertEqual(early as? ProcessError, .notStarted)
    try process.start()
    try await process.join()
    try process.close()
    let late = await thrownError { try await process.value }
    XCTAssertEqual(late as? ProcessError, .closed)
  }

  func testATimeoutThatRunsOut() async throws {
    let gate = Gate()
    let process = try gated(gate)
    let error = await thrownError { try await process.result(timeout: .milliseconds(30)) }
    XCTAssertEqual((error as? TimeoutError)?.timeout, .milliseconds(30))
    XCTAssertTrue(process.isAlive)
    gate.open()
    let value = try await process.value
    XCTAssertEqual(value, 42)
  }

  @MainActor func testASubclassThatIsNotSendableOnTheMainActor() async throws {
    final class Exiting: ProcessBase {
      var code: Int32 = 7
      override func run() { exit(code) }
    }
    let process = Exiting()
    try process.start()
    try await process.join()
    XCTAssertEqual(process.exitCode, 7)
  }

  // MARK: Many

  /// More waits than there are threads, and a task that goes on beside them.
  func testTwoHundredAreAwaitedWhileATaskKeepsItsBeat() async throws {
    let gate = Gate()
    let count = 200
    let processes = try (0..<count).map { _ in try gated(gate) }
    try await withThrowingTaskGroup(of: Int.self) { group in
      for process in processes { group.addTask { try await process.value } }
      // Were a thread blocked for each, the beats would have none.
      for _ in 0..<50 {
        try await Task.sleep(for: .milliseconds(1))
        await Task.detached {}.value
      }
      XCTAssertTrue(processes.allSatisfy(\.isAlive))
      gate.open(count)
      var sum = 0
      for try await value in group { sum += value }
      XCTAssertEqual(sum, 42 * count)
    }
    XCTAssertEqual(activeChildren(), [])
  }

  func testManyWaitForOne() async throws {
    let gate = Gate()
    let process = try gated(gate)
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<50 { group.addTask { try await process.value } }
      group.addTask { try await process.join() ? 1 : 0 }
      try await Task.sleep(for: .milliseconds(10))
      gate.open()
      return try await group.reduce(0, +)
    }
    XCTAssertEqual(sum, 50 * 42 + 1)
  }

  // MARK: Cancellation

  func testCancellationEndsTheWaitAndTheChildGoesOn() async throws {
    let gate = Gate()
    let process = try gated(gate)
    var error = await cancelled { try await process.join() }
    XCTAssert(error is CancellationError, "\(String(describing: error))")
    error = await cancelled { _ = try await process.value }
    XCTAssert(error is CancellationError, "\(String(describing: error))")
    error = await cancelled { _ = try await process.result(timeout: .seconds(3600)) }
    XCTAssert(error is CancellationError, "\(String(describing: error))")
    XCTAssertTrue(process.isAlive)
    gate.open()
    let value = try await process.value
    XCTAssertEqual(value, 42)
  }

  func testATaskThatIsCancelledAlreadyDoesNotWait() async throws {
    let gate = Gate()
    let process = try gated(gate)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await process.join()
    }
    let result = await task.result
    XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
    gate.open()
    try await process.join()
  }

  /// Ends and cancellations that come together: the wait has one of the two outcomes, and the child is reaped.
  func testCancellationThatMeetsTheEnd() async throws {
    for round in 0..<30 {
      let gate = Gate()
      let process = try gated(gate)
      let task = Task { try await process.value }
      if round % 2 == 0 { await Task.yield() }
      gate.open()
      task.cancel()
      switch await task.result {
      case .success(let value): XCTAssertEqual(value, 42)
      case .failure(let error): XCTAssert(error is CancellationError, "\(error)")
      }
      try await process.join()
    }
  }

  // MARK: Starts meanwhile

  func testForksWhileOthersWait() async throws {
    let gate = Gate()
    let waiting = try (0..<4).map { _ in try gated(gate) }
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for process in waiting { group.addTask { try await process.value } }
      for number in 0..<20 {
        group.addTask {
          // The child waits for a child of its own, past a reactor that is not there.
          try await Process.run { () async throws -> Int in
            try await Process.run { number }
          }
        }
      }
      var sum = 0
      for _ in 0..<20 { sum += try await group.next() ?? 0 }
      XCTAssertTrue(waiting.allSatisfy(\.isAlive))
      gate.open(waiting.count)
      return try await group.reduce(sum, +)
    }
    XCTAssertEqual(sum, (0..<20).reduce(0, +) + 4 * 42)
  }
}
