import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What an executor has to stand: the behaviour that Python's own tests and loky's ask of theirs.
final class PoolExecutorTests: AuditedTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  private enum Place: Codable, Sendable, CaseIterable {
    case encodeArgument, decodeArgument, run, encodeResult, decodeResult
  }
  private enum Way: Codable, Sendable, CaseIterable { case `throw`, exit, crash }

  private struct Refusal: Error, Codable, Equatable {}

  /// What goes wrong, and where.
  private struct Fault: Codable, Sendable, Equatable {
    var place: Place
    var way: Way

    func strike(at place: Place) throws {
      guard place == self.place else { return }
      switch way {
      case .throw: throw Refusal()
      case .exit: Glibc.exit(9)
      case .crash: fatalError("boom")
      }
    }
  }

  private struct Argument: Codable, Sendable {
    var fault: Fault?

    init(_ fault: Fault?) { self.fault = fault }

    init(from decoder: any Decoder) throws {
      fault = try decoder.singleValueContainer().decode(Fault?.self)
      try fault?.strike(at: .decodeArgument)
    }

    func encode(to encoder: any Encoder) throws {
      try fault?.strike(at: .encodeArgument)
      var container = encoder.singleValueContainer()
      try container.encode(fault)
    }
  }

  private struct Answer: Codable, Sendable {
    var fault: Fault?

    init(_ fault: Fault?) { self.fault = fault }

    init(from decoder: any Decoder) throws {
      fault = try decoder.singleValueContainer().decode(Fault?.self)
      try fault?.strike(at: .decodeResult)
    }

    func encode(to encoder: any Encoder) throws {
      try fault?.strike(at: .encodeResult)
      var container = encoder.singleValueContainer()
      try container.encode(fault)
    }
  }

  private func check(_ result: Result<Answer, any Error>, _ way: Way, _ what: String) {
    switch (way, result) {
    case (.throw, .failure(let error)): XCTAssertEqual(error as? Refusal, Refusal(), what)
    case (.exit, .failure(let error)): XCTAssertEqual(error as? ProcessError, .exited(9), what)
    case (.crash, .failure(ProcessError.crashed(let report))): XCTAssertEqual(report.message, "boom", what)
    default: XCTFail("\(what): \(result)")
    }
  }

  func testTheWholeCrashTable() throws {
    let pool = try Pool(processes: 2)
    let run = try pool.register { (argument: Argument) throws -> Answer in
      try argument.fault?.strike(at: .run)
      return Answer(argument.fault)
    }
    let runAsync = try pool.register { (argument: Argument) async throws -> Answer in
      await Task.yield()
      try argument.fault?.strike(at: .run)
      return Answer(argument.fault)
    }
    for place in Place.allCases {
      for way in Way.allCases {
        // What exits or traps in encoding an argument does so in this very process.
        if place == .encodeArgument, way != .throw { continue }
        let fault = Fault(place: place, way: way)
        for function in [run, runAsync] {
          check(
            Result { try pool.submit(function, args: Argument(fault)).result() }, way, "\(place) \(way), submitted")
          let results = try pool.mapResults(
            [Argument(nil), Argument(fault), Argument(nil)], chunkSize: 3, function)
          check(results[1], way, "\(place) \(way), in a chunk")
          for neighbour in [0, 2] { XCTAssertNil(try results[neighbour].get().fault) }
        }
      }
    }
    XCTAssertNil(try pool.submit(run, args: Argument(nil)).result().fault)
  }

  func testCrashesOverLargeArguments() throws {
    let pool = try Pool(processes: 2)
    let results = try pool.mapResults(Array(repeating: String(repeating: "a", count: 1 << 20), count: 10)) {
      text -> Int in
      if text.utf8.count > 0 { abort() }
      return 0
    }
    for result in results { XCTAssertThrowsError(try result.get()) }
    pool.close()
    try pool.join()
  }

  func testManyCrashAtOnce() throws {
    for processes in [1, 2, 5] {
      let pool = try Pool(processes: processes)
      let futures = try (0..<10).map { number in try pool.submit { if number % 10 != 9 { abort() } } }
      for future in futures.dropLast() { XCTAssertThrowsError(try future.result()) }
      try futures[9].result()
    }
  }

  func testACrashAfterClosing() throws {
    let gate = Gate()
    let pool = try Pool(processes: 2)
    let future = try pool.submit {
      gate.pass()
      abort()
    }
    pool.close()
    gate.open()
    XCTAssertThrowsError(try future.result())
    XCTAssertTrue(try pool.join())
  }

  func testACrashInAForgottenPool() throws {
    let gate = Gate()
    var futures: [Future<Int>] = []
    do {
      let pool = try Pool(processes: 2)
      futures = try (0..<6).map { number in
        try pool.submit {
          gate.pass()
          if number == 2 { abort() }
          return number
        }
      }
    }
    gate.open(6)
    for (number, future) in futures.enumerated() where number != 2 { XCTAssertEqual(try future.result(), number) }
    XCTAssertThrowsError(try futures[2].result())
  }

  func testCancellingRightAheadOfClosing() throws {
    for _ in 0..<20 {
      let pool = try Pool(processes: 1)
      XCTAssertEqual(try pool.submit { 1 }.result(), 1)
      let future = try pool.submit { 2 }
      if !future.cancel() { XCTAssertEqual(try future.result(), 2) }
      pool.close()
      XCTAssertTrue(try pool.join())
    }
  }

  func testClosingRightAfterSubmitting() throws {
    for tasksPerChild in [nil, 1, 3] {
      let pool = try Pool(processes: 3, tasksPerChild: tasksPerChild)
      let futures = try (0..<10).map { number in try pool.submit { number } }
      pool.close()
      XCTAssertTrue(try pool.join())
      XCTAssertEqual(try futures.map { try $0.result(timeout: .zero) }, Array(0..<10))
    }
  }

  func testACallbackThatSubmitsWhatCrashes() throws {
    let told = Mailbox()
    let pool = try Pool(processes: 2)
    let submit: @Sendable (Result<Int, any Error>) -> Void = { [pool] _ in
      do {
        try pool.submit { () -> Int in abort() }.onCompletion { result in
          if case .failure(ProcessError.crashed) = result { told.post("crashed") } else { told.post("\(result)") }
        }
      } catch {
        told.post("\(error)")
      }
    }
    try pool.submit { 1 }.onCompletion(submit)
    try pool.submit { () -> Int in abort() }.onCompletion(submit)
    XCTAssertEqual([try told.next(), try told.next()], ["crashed", "crashed"])
    XCTAssertEqual(try pool.submit { 5 }.result(), 5)
  }

  func testNoInputs() throws {
    let pool = try Pool(processes: 2)
    let none: [Int] = []
    XCTAssertEqual(try pool.map(none) { $0 }, [])
    XCTAssertEqual(try pool.map(none, chunkSize: 5) { $0 }, [])
    XCTAssertEqual(try pool.map(Set<String>()) { $0 }, [])
    XCTAssertEqual(try pool.mapResults(none) { $0 }.count, 0)
    XCTAssertNil(try pool.imap(none) { $0 }.next())
    XCTAssertNil(try pool.imapUnordered(none) { $0 }.next())
    XCTAssertEqual(try pool.starmap([(Int, Int)]()) { $0 + $1 }, [])
    XCTAssertEqual(activeChildren(), [])
  }

  func testArgumentsOfSeveralSequences() throws {
    let pool = try Pool(processes: 2)
    XCTAssertEqual(try pool.starmap(zip(1...3, ["a", "b", "c", "d"])) { "\($0)\($1)" }, ["1a", "2b", "3c"])
    let sizes = ["a": 1, "b": 2]
    XCTAssertEqual(
      Set(try pool.starmap(sizes.map { ($0.key, $0.value) }) { "\($0)\($1)" }), ["a1", "b2"])
  }

  func testResultsThatCannotBeEncoded() throws {
    let pool = try Pool(processes: 1)
    let bad = try pool.register { (_: Int) in Answer(Fault(place: .encodeResult, way: .throw)) }
    let function = try pool.register { (_: Int) in getpid() }
    let pid = try pool.submit(function, args: 0).result()
    for _ in 0..<20 { assertThrows(Refusal()) { try pool.submit(bad, args: 0).result() } }
    // They cost no worker.
    XCTAssertEqual(try pool.submit(function, args: 0).result(), pid)
  }

  func testNoMoreWorkersThanTasks() throws {
    let gate = Gate()
    let pool = try Pool(processes: 8)
    let function = try pool.register { (_: Int) in gate.pass() }
    let futures = try (0..<3).map { try pool.submit(function, args: $0) }
    gate.open(3)
    for future in futures { try future.result() }
    XCTAssertLessThanOrEqual(pool.statistics.workers.count, 3)
    for _ in 0..<20 {
      gate.open()
      try pool.submit(function, args: 0).result()
    }
    XCTAssertLessThanOrEqual(pool.statistics.workers.count, 3)
  }

  func testBlocksAtTheExitOfWorkers() throws {
    let told = Mailbox()
    let pool = try Pool(processes: 1)
    try pool.submit { atExit { told.post("bye") } }.result()
    XCTAssertEqual(try told.waiting(), [])
    pool.close()
    try pool.join()
    XCTAssertEqual(try told.waiting(), ["bye"])
  }

  func testSeveralPoolsAtOnce() throws {
    let rights = concurrently(4) { number -> Bool in
      guard let pool = try? Pool(processes: 2) else { return false }
      for round in 0..<5 where (try? pool.map(0..<50) { $0 * number + round }) != (0..<50).map({ $0 * number + round })
      {
        return false
      }
      pool.close()
      return (try? pool.join()) == true
    }
    XCTAssertEqual(rights, [true, true, true, true])
  }

  func testNestedPoolsWhoseWorkersCrash() throws {
    let pool = try Pool(processes: 2)
    let counts = try pool.map(0..<4) { number -> Int in
      let inner = try Pool(processes: 2)
      return try inner.mapResults(0..<6) { if $0 == number { abort() } }.count {
        if case .failure = $0 { true } else { false }
      }
    }
    XCTAssertEqual(counts, [1, 1, 1, 1])
  }
}
