import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Callbacks that use their pool, endless inputs, maps of a pool that is closed, workers that let go of what they need.
final class PoolEdgeTests: AuditedTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  // MARK: Callbacks

  func testACallbackMayUseThePoolAndWaitForIt() throws {
    let pool = try Pool(processes: 1)
    let told = Mailbox()
    let (first, second) = (try pool.submit { 1 }, try pool.submit { 2 })
    first.onCompletion { _ in
      do {
        told.post("\(try second.result()) \(try pool.map([3, 4]) { $0 * 10 }) \(try pool.submit { 5 }.result())")
      } catch {
        told.post("\(error)")
      }
    }
    // One that was done already is told of on this thread.
    XCTAssertEqual(try told.next(), "2 [30, 40] 5")
    pool.close()
    try pool.join()
  }

  func testACallbackMayEndThePool() throws {
    let pool = try Pool(processes: 1)
    let told = Mailbox()
    let future = try pool.submit { 1 }
    future.onCompletion { _ in
      pool.close()
      do { told.post("\(try pool.join(timeout: .seconds(60)))") } catch { told.post("\(error)") }
    }
    XCTAssertEqual(try told.next(within: 60), "true")
  }

  func testACallbackOfThreadsMayUseThem() throws {
    let pool = try ThreadPool(threads: 1)
    let told = Mailbox()
    let gate = Gate()
    let future = try pool.submit { gate.pass() }
    future.onCompletion { _ in
      do { told.post("\(try pool.map([3, 4]) { $0 * 10 })") } catch { told.post("\(error)") }
    }
    gate.open()
    XCTAssertEqual(try told.next(), "[30, 40]")
    pool.close()
    try pool.join()
  }

  func testCallbacksRunInTheirOrder() throws {
    let pool = try Pool(processes: 1)
    let (told, gate) = (Mailbox(), Gate())
    let future = try pool.submit { gate.pass() }
    for number in 0..<20 { future.onCompletion { _ in told.post("\(number)") } }
    gate.open()
    for number in 0..<20 { XCTAssertEqual(try told.next(), "\(number)") }
    pool.terminate()
    try pool.join()
  }

  // MARK: Inputs

  func testSequencesThatNeverEnd() throws {
    let pool = try Pool(processes: 2)
    XCTAssertEqual(try pool.imap(0...Int.max) { $0 + 1 }.prefix(3).map { try $0.get() }, [1, 2, 3])
    XCTAssertEqual(try pool.imap(UInt64(0)..<UInt64.max) { $0 * 2 }.prefix(3).map { try $0.get() }, [0, 2, 4])
    let even = (1...Int.max).lazy.filter { $0 % 2 == 0 }
    XCTAssertEqual(try pool.imap(even) { $0 }.prefix(3).map { try $0.get() }, [2, 4, 6])
    let odd = sequence(first: 1) { $0 + 2 }
    XCTAssertEqual(try pool.imap(odd) { $0 }.prefix(3).map { try $0.get() }, [1, 3, 5])
    pool.close()
    try pool.join()
  }

  func testTheTotalOfAProgress() throws {
    let pool = try Pool(processes: 1)
    func totals(_ inputs: some Sequence<Int>) throws -> Set<Int?> {
      let seen = Seen()
      let note: @Sendable (Int, Int?) -> Void = { done, total in if done < 5 { seen.add(total) } }
      _ = try pool.map(inputs, progress: note) { $0 }
      return seen.all
    }
    XCTAssert(try totals(0..<5).isSubset(of: [5]))
    XCTAssert(try totals(1...5).isSubset(of: [5]))
    XCTAssert(try totals([1, 2, 3, 4, 5]).isSubset(of: [5]))
    XCTAssert(try totals(Set(1...5)).isSubset(of: [5]))
    pool.close()
    try pool.join()
  }

  private final class Seen: @unchecked Sendable {
    // Sendable: `map` calls its progress on the thread that waits in it.
    var all: Set<Int?> = []
    func add(_ total: Int?) { all.insert(total) }
  }

  // MARK: Closing

  func testAMapGoesOnWhenThePoolIsClosed() throws {
    let pool = try Pool(processes: 2)
    let results = try pool.imap(0..<5000) { $0 }
    pool.close()
    XCTAssertFalse(try pool.join(timeout: .zero))
    XCTAssertEqual(try results.map { try $0.get() }, Array(0..<5000))
    XCTAssertTrue(try pool.join(timeout: .seconds(60)))
  }

  func testAMapWhoseInputsComeAfterTheEnd() throws {
    let pool = try Pool(processes: 2)
    let (entered, gate) = (Gate(), Gate())
    let inputs = (0..<10).lazy.map { number -> Int in
      if number == 5 {
        entered.open()
        gate.pass()
      }
      return number
    }
    let closer = TestThread {
      entered.pass()
      pool.close()
      gate.open()
    }
    XCTAssertEqual(try pool.imap(inputs) { $0 }.map { try $0.get() }, Array(0..<10))
    closer.join()
    XCTAssertTrue(try pool.join(timeout: .seconds(60)))
  }

  func testResultsThatNobodyWantsHoldNoEndUp() throws {
    let pool = try Pool(processes: 2)
    do {
      let results = try pool.imap(0..<100_000) { $0 }
      pool.close()
      for result in results { if try result.get() == 10 { break } }
    }
    XCTAssertTrue(try pool.join(timeout: .seconds(60)))
    let other = try Pool(processes: 2)
    let results = try other.imap(0..<100_000) { $0 }
    other.terminate()
    XCTAssertTrue(try other.join(timeout: .seconds(60)))
    withExtendedLifetime(results) {}
  }

  // MARK: Workers

  func testAWorkerThatClosesItsDescriptors() throws {
    let pool = try Pool(processes: 2)
    let results = try pool.mapResults(0..<20, chunkSize: 3) { number in
      if number % 5 == 0 { closefrom(3) }
      return number
    }
    XCTAssertEqual(results.count, 20)
    for (number, result) in results.enumerated() where number % 5 != 0 {
      if case .success(let value) = result { XCTAssertEqual(value, number) }
    }
    pool.close()
    XCTAssertTrue(try pool.join(timeout: .seconds(60)))
  }

  private struct Trap: Codable, Sendable {
    var number: Int
    init(number: Int) { self.number = number }
    init(from decoder: any Decoder) throws {
      number = try decoder.singleValueContainer().decode(Int.self)
      if number == 2 { fatalError("a result that cannot be read") }
      if number == 3 { throw CancellationError() }
    }
    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(number)
    }
  }

  func testAResultThatTrapsInDecoding() throws {
    let pool = try Pool(processes: 1)
    let results = try pool.mapResults(0..<5) { Trap(number: $0) }
    for (number, result) in results.enumerated() {
      switch (number, result) {
      case (2, .failure(ProcessError.crashed)), (3, .failure(is CancellationError)): break
      case (0, .success), (1, .success), (4, .success): XCTAssertEqual(try result.get().number, number)
      default: XCTFail("\(number): \(result)")
      }
    }
    pool.close()
    try pool.join()
  }
}

/// Maps that write a log.
final class PoolLogTests: TaskTestCase {
  override var patienceWithLeaks: Double { 30 }

  private struct Odd: Error, Codable, Equatable { var number: Int }

  private func path(of file: TemporaryFile) -> String { "/proc/self/fd/\(file.descriptor)" }
  private func lines(_ file: TemporaryFile) -> [[Substring]] {
    file.lines.dropFirst().map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
  }

  func testARunThatGoesOnWhereAnotherEnded() throws {
    let (pool, runs, log) = (try Pool(processes: 2), try SharedAtomic(0), TemporaryFile())
    let first = try pool.mapResults(0..<20, jobLog: path(of: log)) { number in
      runs.add(1)
      if number == 7 { throw Odd(number: number) }
      if number == 9 { abort() }
      return number * number
    }
    XCTAssertEqual(first.count, 20)
    XCTAssertThrowsError(try first[7].get()) { XCTAssertEqual($0 as? Odd, Odd(number: 7)) }
    guard case .failure(ProcessError.crashed(let report)) = first[9] else { return XCTFail("\(first[9])") }
    let told = lines(log)
    XCTAssertEqual(told.map { $0[0] }.compactMap { Int($0) }.sorted(), Array(1...20))
    XCTAssertEqual(Set(told.filter { $0[4] == "failed" }.map { $0[0] }), ["8", "10"])
    XCTAssertEqual(told.first { $0[0] == "10" }?[1], "\(report.pid)")
    XCTAssertEqual(runs.load(), 20)
    runs.store(0)
    let seen = Counts()
    let second = try pool.mapResults(
      0..<20, jobLog: path(of: log), resume: true, progress: { done, total in seen.note(done, total) },
      { number in
        runs.add(1)
        return number * number
      })
    XCTAssertEqual(try second.map { try $0.get() }, (0..<20).map { $0 * $0 })
    XCTAssertEqual(runs.load(), 2)
    XCTAssertEqual(seen.last?.done, 20)
    XCTAssertEqual(seen.last?.total, 20)
    XCTAssertEqual(lines(log).count, 22)
    // Other inputs are other tasks, in whatever place.
    let third = try pool.mapResults([0, 5, 2], jobLog: path(of: log), resume: true) { $0 * 10 }
    XCTAssertEqual(try third.map { try $0.get() }, [0, 50, 4])
    pool.close()
    try pool.join()
  }

  private final class Counts: @unchecked Sendable {
    // Sendable: `mapResults` calls its progress on the thread that waits in it.
    var last: (done: Int, total: Int?)?
    func note(_ done: Int, _ total: Int?) { last = (done, total) }
  }

  func testInATask() async throws {
    let (pool, log) = (try Pool(processes: 1), TemporaryFile())
    let first = try await pool.mapResults(["a", "b"], jobLog: path(of: log)) { $0 + $0 }
    let second = try await pool.mapResults(["a", "c"], jobLog: path(of: log), resume: true) { text async in text + "!" }
    XCTAssertEqual(try first.map { try $0.get() }, ["aa", "bb"])
    XCTAssertEqual(try second.map { try $0.get() }, ["aa", "c!"])
    pool.close()
    try await pool.join()
  }

  private struct Errand: Codable, Sendable {
    var queue: Queue<Int>
    var number: Int
  }

  /// A shared object has no bytes to be known by: what it came with may be another input.
  func testInputsWithSharedObjectsAreRunAgain() throws {
    let (pool, queue, log) = (try Pool(processes: 1), try Queue<Int>(), TemporaryFile())
    for number in [1, 2] {
      let results = try pool.mapResults(
        [Errand(queue: queue, number: number)], jobLog: path(of: log), resume: number == 2
      ) { errand in
        try errand.queue.put(errand.number)
        return errand.number
      }
      XCTAssertEqual(try results.map { try $0.get() }, [number])
      XCTAssertEqual(try queue.tryGet(), number)
    }
    pool.close()
    try pool.join()
  }

  func testALogThatCannotBeWritten() throws {
    let pool = try Pool(processes: 1)
    XCTAssertThrowsError(try pool.mapResults([1], jobLog: "/no/such/folder/log") { $0 }) {
      XCTAssert($0 is SystemError)
    }
    XCTAssertThrowsError(try pool.mapResults(0..<100, jobLog: "/dev/full") { $0 }) { XCTAssert($0 is SystemError) }
    XCTAssertEqual(try pool.map([1]) { $0 + 1 }, [2])
    pool.close()
    try pool.join()
  }
}
