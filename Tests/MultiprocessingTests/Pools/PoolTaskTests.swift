import Glibc
import TestSupport
import XCTest

@testable import Multiprocessing

private actor Sum {
  var value = 0
  func add(_ number: Int) -> Int {
    value += number
    return value
  }
}

/// Pools and Swift concurrency, on both sides.
final class PoolTaskTests: TaskTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  func testAsyncFunctionsInWorkers() throws {
    let pool = try Pool(processes: 2)
    let results = try pool.map(0..<40) { number async throws -> Int in
      let sum = Sum()
      return try await withThrowingTaskGroup(of: Int.self) { group in
        for part in 0..<number {
          group.addTask {
            try await Task.sleep(for: .microseconds(50))
            return await sum.add(part)
          }
        }
        try await group.waitForAll()
        return await sum.value
      }
    }
    XCTAssertEqual(results, (0..<40).map { $0 * ($0 - 1) / 2 })
    XCTAssertEqual(try pool.map(0..<5) { number async in await MainActor.run { "\(number)" } }, (0..<5).map { "\($0)" })
    // Others run in the same workers.
    let pids = try pool.map(0..<20, chunkSize: 1) { _ async in getpid() }
    XCTAssertFalse(pids.contains(getpid()))
  }

  func testAnAsyncFunctionThatFails() throws {
    struct Refusal: Error, Codable, Equatable { var number: Int }
    let pool = try Pool(processes: 2)
    let results = try pool.mapResults(0..<10) { number async throws -> Int in
      await Task.yield()
      if number == 3 { throw Refusal(number: number) }
      if number == 5 { fatalError("five") }
      return number
    }
    for (number, result) in results.enumerated() {
      switch result {
      case .success(let value): XCTAssertEqual(value, number)
      case .failure(let error as Refusal): XCTAssertEqual(error, Refusal(number: 3))
      case .failure(ProcessError.crashed(let report)): XCTAssertEqual(report.message, "five")
      case .failure(let error): XCTFail("\(error)")
      }
    }
  }

  func testCancellingAMapEndsItsWork() async throws {
    let started = Gate()
    let pool = try Pool(processes: 2)
    let task = Task {
      try await pool.map(0..<10, chunkSize: 1) { _ in
        started.open()
        while true { pause() }
      }
    }
    await Task.detached { started.pass() }.value
    task.cancel()
    do {
      _ = try await task.value
      XCTFail("a result")
    } catch {
      XCTAssertTrue(error is CancellationError, "\(error)")
    }
    let value = try await pool.submit { 5 }.value
    XCTAssertEqual(value, 5)
  }

  func testManyTasks() async throws {
    let pool = try Pool(processes: 2)
    let function = try pool.register { (number: Int) in number * 3 }
    let sums = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<30 {
        group.addTask {
          if number % 3 == 0 { return try await pool.map(0..<50, function).reduce(0, +) }
          return try await pool.submit(function, args: number).value
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    XCTAssertEqual(sums.count, 30)
    XCTAssertEqual(sums.reduce(0, +), 10 * 3675 + (0..<30).filter { $0 % 3 != 0 }.reduce(0) { $0 + 3 * $1 })
  }

  func testAnAsyncJoinCanBeCancelled() async throws {
    let gate = Gate()
    let pool = try Pool(processes: 1)
    let future = try pool.submit { gate.pass() }
    pool.close()
    let isOver = try await pool.join(timeout: .milliseconds(20))
    XCTAssertFalse(isOver)
    let task = Task { try await pool.join() }
    task.cancel()
    do {
      _ = try await task.value
      XCTFail("joined")
    } catch {
      XCTAssertTrue(error is CancellationError)
    }
    gate.open()
    try await future.value
    let hasEnded = try await pool.join()
    XCTAssertTrue(hasEnded)
  }
}
