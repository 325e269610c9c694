import Multiprocessing
import Synchronization
import TestSupport
import XCTest

import class Multiprocessing.Process
import class Multiprocessing.Thread

private func triple(_ number: Int) -> Int { 3 * number }
private func halve(_ number: Int) throws -> Double { Double(number) / 2 }
private func slowly(_ number: Int) async throws -> String {
  try await Task.sleep(for: .microseconds(10))
  return "\(number)"
}
private func add(_ one: Int, _ other: Double) -> Double { Double(one) + other }

/// Not `Codable`.
private final class Parcel: Sendable {
  let number: Int
  init(_ number: Int) { self.number = number }
}

private struct Trouble: Error, Equatable {
  var number: Int
}

/// Every way to write a call, and that nothing needs to be `Codable`.
final class ThreadPoolSpellingTests: TaskTestCase {
  func testMaps() throws {
    let pool = try ThreadPool(threads: 2)
    let offset = 10
    XCTAssertEqual(try pool.map([1, 2, 3]) { $0 + offset }, [11, 12, 13])
    XCTAssertEqual(try pool.map(1...3, triple), [3, 6, 9])
    XCTAssertEqual(try pool.map(1...3, halve), [0.5, 1, 1.5])
    XCTAssertEqual(try pool.map(1...3, chunkSize: 2) { Parcel($0) }.map(\.number), [1, 2, 3])
    XCTAssertEqual(try pool.map([Parcel(4)]) { $0.number }, [4])
    XCTAssertEqual(try pool.map([] as [Int]) { $0 }, [])
    try pool.map(1...3) { _ in }
    XCTAssertEqual(try pool.map(1...3, slowly), ["1", "2", "3"])
    XCTAssertEqual(try pool.mapResults(1...2) { $0 + 1 }.map { try $0.get() }, [2, 3])
    XCTAssertEqual(try pool.mapResults(1...2, slowly).count, 2)
    XCTAssertEqual(try pool.starmap([(1, 2.5), (3, 4.5)], add), [3.5, 7.5])
    XCTAssertEqual(try pool.starmap(zip(1...2, 3...4)) { (a: Int, b: Int) in a * b }, [3, 8])
    XCTAssertEqual(try pool.starmap([(1, 2, 3)]) { (a: Int, b: Int, c: Int) async in a + b + c }, [6])
    pool.close()
    XCTAssertTrue(try pool.join())
  }

  func testStreams() throws {
    let pool = try ThreadPool(threads: 2)
    var squares: [Int] = []
    for result in try pool.imap(1...4, { $0 * $0 }) { squares.append(try result.get()) }
    XCTAssertEqual(squares, [1, 4, 9, 16])
    XCTAssertEqual(try pool.imap(1..., chunkSize: 3) { $0 }.prefix(5).map { try $0.get() }, [1, 2, 3, 4, 5])
    XCTAssertEqual(Set(try pool.imapUnordered(1...9) { $0 }.map { try $0.get() }), Set(1...9))
    XCTAssertEqual(try pool.imap(1...2, slowly).map { try $0.get() }, ["1", "2"])
  }

  func testSubmissions() throws {
    let pool = try ThreadPool()
    XCTAssertEqual(try pool.submit { 4 }.result(), 4)
    XCTAssertEqual(try pool.submit(triple, args: 5).result(), 15)
    XCTAssertEqual(try pool.submit(add, args: (1, 2.5)).result(), 3.5)
    XCTAssertEqual(try pool.submit({ (parcel: Parcel) in parcel }, args: (Parcel(6))).result().number, 6)
    try pool.submit { print("", terminator: "") }.result()
    XCTAssertEqual(try pool.submit(slowly, args: 8).result(), "8")
    XCTAssertEqual(try pool.submit { () async in 9 }.result(), 9)
    let futures = try (1...5).map { try pool.submit(triple, args: $0) }
    XCTAssertEqual(try waitForFutures(futures).done, futures)
    XCTAssertEqual(Set(try asCompleted(futures).map { try $0.result() }), [3, 6, 9, 12, 15])
  }

  func testRegisteredFunctions() throws {
    let pool = try ThreadPool(threads: 2)
    let function = try pool.register(triple)
    let asynchronous = try pool.register(slowly)
    XCTAssertEqual(try pool.map(1...3, function), [3, 6, 9])
    XCTAssertEqual(try pool.mapResults(1...1, asynchronous).map { try $0.get() }, ["1"])
    XCTAssertEqual(try pool.imap(1...3, function).map { try $0.get() }, [3, 6, 9])
    XCTAssertEqual(Set(try pool.imapUnordered(1...3, function).map { try $0.get() }), [3, 6, 9])
    XCTAssertEqual(try pool.submit(function, args: 4).result(), 12)
  }

  func testTasks() async throws {
    let pool = try ThreadPool(threads: 2)
    let tripled = try await pool.map(1...3, triple)
    XCTAssertEqual(tripled, [3, 6, 9])
    let texts = try await pool.map(1...3, slowly)
    XCTAssertEqual(texts, ["1", "2", "3"])
    let sums = try await pool.starmap([(1, 2.5)], add)
    XCTAssertEqual(sums, [3.5])
    let results = try await pool.mapResults(1...2, triple)
    XCTAssertEqual(results.count, 2)
    var squares: [Int] = []
    for try await result in try pool.imap(1...4, { $0 * $0 }) { squares.append(try result.get()) }
    XCTAssertEqual(squares, [1, 4, 9, 16])
    let value = try await pool.submit(triple, args: 3).value
    XCTAssertEqual(value, 9)
    pool.close()
    let hasEnded = try await pool.join()
    XCTAssertTrue(hasEnded)
  }
}

final class ThreadPoolTests: TaskTestCase {
  // MARK: Work

  func testManyInputsOfAllSizes() throws {
    let pool = try ThreadPool(threads: 3)
    for count in [1, 2, 100, 20_000] {
      for chunkSize in [nil, 1, 7, 1_000] {
        XCTAssertEqual(try pool.map(0..<count, chunkSize: chunkSize) { $0 * 2 }, (0..<count).map { $0 * 2 })
      }
    }
    XCTAssertEqual(try pool.imap(0..<2_000, chunkSize: 9) { $0 }.map { try $0.get() }, (0..<2_000).map { $0 })
  }

  func testAllThreadsWorkAtOnce() throws {
    let pool = try ThreadPool(threads: 4)
    let barrier = try Barrier(parties: 4)
    let names = try pool.map(0..<4, chunkSize: 1) { _ in
      try barrier.wait()
      return currentThread().name
    }
    XCTAssertEqual(Set(names).count, 4)
    XCTAssertTrue(names.allSatisfy { $0.hasPrefix("PoolThread-") })
    // A task is counted a moment after its result is there.
    pool.close()
    try pool.join()
    XCTAssertEqual(pool.statistics.tasks, 4)
    XCTAssertEqual(pool.statistics.workers.count, 4)
  }

  func testSubmitsFromManyThreads() throws {
    let pool = try ThreadPool(threads: 3)
    let sums = concurrently(4) { number in
      (try? (0..<200).map { try pool.submit(triple, args: $0 + number) }.map { try $0.result() }.reduce(0, +)) ?? -1
    }
    XCTAssertEqual(sums, (0..<4).map { number in (0..<200).map { 3 * ($0 + number) }.reduce(0, +) })
  }

  func testProgress() throws {
    let pool = try ThreadPool(threads: 2)
    let seen = Mutex<[Int]>([])
    let note: @Sendable (Int, Int?) -> Void = { done, total in
      XCTAssertEqual(total, 100)
      seen.withLock { $0.append(done) }
    }
    try pool.map(0..<100, chunkSize: 3, progress: note) { $0 }
    let all = seen.withLock { $0 }
    XCTAssertEqual(all.last, 100)
    XCTAssertEqual(all, all.sorted())
  }

  func testInputsArePulledAsTheyAreNeeded() throws {
    let pool = try ThreadPool(threads: 2)
    let pulled = Atomic(0)
    let inputs = (0...).lazy.map { number -> Int in
      pulled.add(1, ordering: .relaxed)
      return number
    }
    let results = try pool.imap(inputs) { $0 }
    XCTAssertEqual(try results.prefix(3).map { try $0.get() }, [0, 1, 2])
    XCTAssertLessThan(pulled.load(ordering: .relaxed), 10_000)
  }

  func testATaskMayUseItsPool() throws {
    let pool = try ThreadPool(threads: 2)
    let sums = try pool.map(0..<20, chunkSize: 1) { number in
      try pool.map(0..<5, chunkSize: 1) { $0 + number }.reduce(0, +) + pool.submit(triple, args: number).result()
    }
    XCTAssertEqual(sums, (0..<20).map { 10 + 5 * $0 + 3 * $0 })
  }

  /// However many wait, each runs what it waits for, and not what waits in its turn.
  func testVeryManyTasksMayWaitForTheirPool() throws {
    let pool = try ThreadPool(threads: 2)
    let futures = try (0..<20_000).map { number in
      try pool.submit { try pool.submit(triple, args: number).result() }
    }
    for (number, future) in futures.enumerated() { XCTAssertEqual(try future.result(), 3 * number) }
    let sums = try pool.map(0..<10_000, chunkSize: 1) { number in
      try pool.map(0..<2, chunkSize: 1) { $0 + number }.reduce(0, +)
    }
    XCTAssertEqual(sums, (0..<10_000).map { 1 + 2 * $0 })
  }

  // MARK: Errors

  func testTheFirstErrorEndsAMap() throws {
    let pool = try ThreadPool(threads: 2)
    let run = Atomic(0)
    assertThrows(Trouble(number: 10)) {
      try pool.map(0..<100_000, chunkSize: 5) { number -> Int in
        run.add(1, ordering: .relaxed)
        if number >= 10 { throw Trouble(number: number) }
        return number
      }
    }
    XCTAssertLessThan(run.load(ordering: .relaxed), 100_000)
    XCTAssertEqual(try pool.map(0..<3) { $0 }, [0, 1, 2])
  }

  func testEachInputHasAResultOfItsOwn() throws {
    let pool = try ThreadPool(threads: 2)
    let results = try pool.mapResults(0..<50) { number -> Int in
      if number.isMultiple(of: 3) { throw Trouble(number: number) }
      return number
    }
    for (number, result) in results.enumerated() {
      switch result {
      case .success(let value): XCTAssertEqual(value, number)
      case .failure(let error): XCTAssertEqual(error as? Trouble, Trouble(number: number))
      }
    }
  }

  func testMisuse() throws {
    XCTAssertNotNil(thrown(PoolError.self) { try ThreadPool(threads: 0) })
    let pool = try ThreadPool(threads: 1)
    XCTAssertNotNil(thrown(PoolError.self) { try pool.map(0..<3, chunkSize: 0) { $0 } })
    assertThrows(PoolError.stillOpen) { try pool.join() }
    pool.close()
    assertThrows(PoolError.closed) { try pool.submit { 1 } }
    assertThrows(PoolError.closed) { try pool.map([1]) { $0 } }
    XCTAssertTrue(try pool.join(), "one that never had a thread has ended")
  }

  func testAnInitializerThatFails() throws {
    let pool = try ThreadPool(threads: 2) { throw Trouble(number: 1) }
    for _ in 0..<3 {
      guard case .initializerFailed(let error)? = thrown(PoolError.self, by: { try pool.submit { 1 }.result() }) else {
        return
      }
      XCTAssertTrue(error.typeName.contains("Trouble"))
    }
    pool.close()
    XCTAssertTrue(try pool.join())
  }

  func testAnInitializerRunsOnEachThread() throws {
    let count = Atomic(0)
    let local = ThreadLocal(0)
    let barrier = try Barrier(parties: 2)
    let pool = try ThreadPool(threads: 2) {
      count.add(1, ordering: .relaxed)
      local.value = 7
    }
    XCTAssertEqual(
      try pool.map(0..<2, chunkSize: 1) { _ in
        try barrier.wait()
        return local.value
      }, [7, 7])
    XCTAssertEqual(count.load(ordering: .relaxed), 2)
  }

  // MARK: The end

  func testCancelling() throws {
    let pool = try ThreadPool(threads: 1)
    let (gate, begun) = (Gate(), Gate())
    let running = try pool.submit { () -> Int in
      begun.open()
      gate.pass()
      return 1
    }
    let queued = try pool.submit { 2 }
    begun.pass()
    XCTAssertTrue(running.isRunning)
    XCTAssertFalse(queued.isRunning)
    XCTAssertFalse(running.cancel(), "what runs on a thread cannot be ended")
    XCTAssertTrue(queued.cancel())
    XCTAssertNotNil(thrown(CancellationError.self) { try queued.result() })
    gate.open()
    XCTAssertEqual(try running.result(), 1)
    XCTAssertFalse(running.cancel())
  }

  func testClosingRunsWhatIsQueued() throws {
    let pool = try ThreadPool(threads: 2)
    let futures = try (0..<100).map { try pool.submit(triple, args: $0) }
    pool.close()
    XCTAssertTrue(try pool.join())
    XCTAssertEqual(try futures.map { try $0.result(timeout: .zero) }, (0..<100).map(triple))
  }

  func testTerminating() throws {
    let pool = try ThreadPool(threads: 1)
    let (gate, begun) = (Gate(), Gate())
    let running = try pool.submit {
      begun.open()
      gate.pass()
    }
    let queued = try pool.submit { 2 }
    begun.pass()
    let waiting = Thread { try pool.map(0..<10) { $0 } }
    waiting.name = "waits for a pool"
    try waiting.start()
    pool.terminate()
    for future in [running] { XCTAssertNotNil(thrown(CancellationError.self) { try future.result() }) }
    XCTAssertNotNil(thrown(CancellationError.self) { try queued.result() })
    XCTAssertThrowsError(try waiting.result())
    XCTAssertFalse(try pool.join(timeout: .zero))
    gate.open()
    XCTAssertTrue(try pool.join())
    assertThrows(PoolError.closed) { try pool.submit { 1 } }
  }

  func testAForgottenPoolLeavesNoThread() throws {
    for _ in 0..<20 {
      let future: Future<Int>
      do {
        let pool = try ThreadPool(threads: 2)
        future = try pool.submit { 5 }
      }
      XCTAssertEqual(try future.result(), 5, "who waits keeps the pool")
    }
    XCTAssertTrue(eventually { !activeThreads().contains { $0.name.hasPrefix("PoolThread-") } })
  }

  func testACancelledTaskEndsItsMap() async throws {
    let pool = try ThreadPool(threads: 1)
    let (gate, begun) = (Gate(), Gate())
    let task = Task {
      try await pool.map(0..<1_000_000, chunkSize: 1) { number in
        if number == 0 {
          begun.open()
          gate.pass()
        }
        return number
      }
    }
    await Task.detached { begun.pass() }.value
    task.cancel()
    guard case .failure(let error) = await task.result else { return XCTFail("no error") }
    XCTAssertTrue(error is CancellationError)
    gate.open()
    let value = try await pool.submit { 3 }.value
    XCTAssertEqual(value, 3)
  }

  func testForks() throws {
    let pool = try ThreadPool(threads: 1)
    XCTAssertEqual(try pool.submit { 1 }.result(), 1)
    let child = Process(target: { () -> [Int] in
      do {
        _ = try pool.submit { 1 }
        return []
      } catch ProcessError.notParent {}
      return try ThreadPool(threads: 2).map(1...3, triple)
    })
    try child.start()
    XCTAssertEqual(try child.result(), [3, 6, 9])
    // A pool of threads may start processes.
    XCTAssertEqual(try pool.map(1...3) { number in try Process.run { number * 2 } }, [2, 4, 6])
  }
}
