import Glibc
import Multiprocessing
import TestSupport
import XCTest

private struct Refusal: Error, Codable, Equatable {
  var number: Int
}

private struct PlainError: Error {}

/// Goes wrong where it is told to.
private struct Mine: Codable, Sendable, Equatable {
  enum Place: String, Codable, CaseIterable { case encode, decode, never }
  enum Way: String, Codable, CaseIterable { case `throw`, exit, crash }

  var place = Place.never
  var way = Way.throw
  var inChild = false
  var owner: Int32 = getpid()

  private func blow() throws {
    switch way {
    case .throw: throw Refusal(number: 1)
    case .exit: Glibc.exit(9)
    case .crash: fatalError("boom")
    }
  }

  init(_ place: Place = .never, _ way: Way = .throw) { (self.place, self.way) = (place, way) }

  func encode(to encoder: any Encoder) throws {
    if place == .encode { try blow() }
    var container = encoder.unkeyedContainer()
    try container.encode(place)
    try container.encode(way)
  }

  init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    place = try container.decode(Place.self)
    way = try container.decode(Way.self)
    if place == .decode { try blow() }
  }
}

/// What goes wrong with one item stays with that item.
final class PoolFailureTests: AuditedTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  private func error<Out>(_ result: Result<Out, any Error>) -> (any Error)? {
    if case .failure(let error) = result { error } else { nil }
  }

  func testAThrownErrorIsItself() throws {
    let pool = try Pool(processes: 2)
    let results = try pool.mapResults(0..<20) { number in
      if number % 7 == 3 { throw Refusal(number: number) }
      return number
    }
    for (number, result) in results.enumerated() {
      if number % 7 == 3 {
        XCTAssertEqual(error(result) as? Refusal, Refusal(number: number))
      } else {
        XCTAssertEqual(try result.get(), number)
      }
    }
    assertThrows(Refusal(number: 3)) {
      try pool.map(0..<200) { number in
        if number % 7 == 3 { throw Refusal(number: number) }
        return number
      }
    }
    let future = try pool.submit { throw PlainError() }
    guard case .thrown(let remote)? = thrown(ProcessError.self, by: { try future.result() }) else {
      return XCTFail("another case")
    }
    XCTAssertEqual(remote.typeName, "PlainError")
  }

  func testACrashTakesOneItem() throws {
    let pool = try Pool(processes: 2)
    for chunkSize in [1, 3, 100] {
      let results = try pool.mapResults(0..<100, chunkSize: chunkSize) { number in
        if number % 40 == 5 { fatalError("item \(number)") }
        return number
      }
      for (number, result) in results.enumerated() {
        guard number % 40 == 5 else {
          XCTAssertEqual(try result.get(), number)
          continue
        }
        guard case .crashed(let report)? = error(result) as? ProcessError else { return XCTFail("\(result)") }
        XCTAssertEqual(report.message, "item \(number)")
        XCTAssertTrue(report.processName.hasPrefix("PoolWorker-"))
      }
    }
  }

  func testFinishedItemsOfAChunkAreNotRunAgain() throws {
    let pool = try Pool(processes: 1)
    let runs = try SharedArray(count: 30, repeating: 0)
    let results = try pool.mapResults(0..<30, chunkSize: 30) { number in
      runs[number] += 1
      if number == 17 { abort() }
      return number
    }
    XCTAssertEqual(Array(runs), Array(repeating: 1, count: 30))
    XCTAssertEqual(results.enumerated().filter { error($1) != nil }.map(\.offset), [17])
    // The same with results that are encoded.
    let texts = try pool.mapResults(0..<30, chunkSize: 30) { number in
      runs[number] += 1
      if number == 17 { abort() }
      return "\(number)"
    }
    XCTAssertEqual(Array(runs), Array(repeating: 2, count: 30))
    XCTAssertEqual(texts.enumerated().filter { error($1) != nil }.map(\.offset), [17])
  }

  func testExitAndKill() throws {
    let pool = try Pool(processes: 2)
    XCTAssertEqual(thrown(ProcessError.self) { try pool.submit { () -> Int in exit(3) }.result() }, .exited(3))
    XCTAssertEqual(thrown(ProcessError.self) { try pool.submit { () -> Int in exit(0) }.result() }, .exited(0))
    XCTAssertEqual(
      thrown(ProcessError.self) {
        try pool.submit { () -> Int in
          kill(getpid(), SIGKILL)
          while true { pause() }
        }.result()
      }, .killed(.kill))
    XCTAssertEqual(try pool.submit { 5 }.result(), 5)
  }

  /// {throw, exit, crash} in {encode the argument, decode it, encode the result, decode it}.
  func testTheCrashTable() throws {
    let pool = try Pool(processes: 2)
    let fine = try pool.register { (_: Mine) in Mine() }
    let echo = try pool.register { (mine: Mine.Place) -> Mine in Mine(mine, .throw) }
    // In this process only what can be survived.
    assertThrows(Refusal(number: 1)) { try pool.submit(fine, args: Mine(.encode, .throw)) }
    assertThrows(Refusal(number: 1)) { try pool.submit(echo, args: .decode).result() }
    assertThrows(Refusal(number: 1)) { try pool.submit(echo, args: .encode).result() }
    let mixed = try pool.mapResults([Mine(), Mine(.encode, .throw), Mine(.decode, .throw), Mine()], chunkSize: 4, fine)
    XCTAssertEqual(mixed.map { error($0) as? Refusal }, [nil, Refusal(number: 1), Refusal(number: 1), nil])
    for way in Mine.Way.allCases {
      let decoding = failure(of: { try pool.submit(fine, args: Mine(.decode, way)).result() })
      let encoding = failure(of: { try pool.submit({ (way: Mine.Way) in Mine(.encode, way) }, args: way).result() })
      for error in [decoding, encoding] {
        switch way {
        case .throw: XCTAssertEqual(error as? Refusal, Refusal(number: 1))
        case .exit: XCTAssertEqual(error as? ProcessError, .exited(9))
        case .crash:
          guard case .crashed(let report)? = error as? ProcessError else { return XCTFail("\(error as Any)") }
          XCTAssertEqual(report.message, "boom")
        }
      }
      XCTAssertEqual(try pool.submit(fine, args: Mine()).result(), Mine())
    }
  }

  private func failure(of body: () throws -> some Any) -> (any Error)? {
    do {
      XCTFail("\(try body()) instead of an error")
      return nil
    } catch {
      return error
    }
  }

  func testTimeouts() throws {
    let pool = try Pool(processes: 2, taskTimeout: .milliseconds(300))
    let results = try pool.mapResults(0..<6, chunkSize: 3) { number in
      if number == 1 { while true { pause() } }
      return number
    }
    XCTAssertEqual(results.enumerated().filter { error($1) is TimeoutError }.map(\.offset), [1])
    XCTAssertEqual(results.filter { error($0) == nil }.count, 5)
    XCTAssertEqual((error(results[1]) as? TimeoutError)?.timeout, .milliseconds(300))
  }

  func testMemoryLimit() throws {
    let pool = try Pool(processes: 1, memoryLimit: 64 << 20)
    let results = try pool.mapResults([1, 200, 2]) { mebibytes in [UInt8](repeating: 1, count: mebibytes << 20).count }
    XCTAssertEqual(try results[0].get(), 1 << 20)
    XCTAssertEqual(try results[2].get(), 2 << 20)
    guard case .limitExceeded(let limit)? = error(results[1]) as? ProcessError else { return XCTFail("\(results[1])") }
    XCTAssertTrue(limit.contains("memory"))
  }

  func testRetries() throws {
    let pool = try Pool(processes: 2, retries: 2)
    let runs = try SharedArray(count: 4, repeating: 0)
    let results = try pool.mapResults(0..<4, chunkSize: 2) { number in
      runs[number] += 1
      if number == 1 && runs[number] < 3 { abort() }
      if number == 2 { abort() }
      if number == 3 { throw Refusal(number: 3) }
      return number
    }
    XCTAssertEqual(Array(runs), [1, 3, 3, 1])
    XCTAssertEqual(try results[1].get(), 1)
    guard case .crashed? = error(results[2]) as? ProcessError else { return XCTFail("\(results[2])") }
    XCTAssertEqual(error(results[3]) as? Refusal, Refusal(number: 3))
  }

  func testAnInitializerThatFails() throws {
    let ways: [@Sendable () throws -> Void] = [
      { throw Refusal(number: 5) }, { exit(4) }, { fatalError("no way") }, { kill(getpid(), SIGKILL) },
    ]
    for (number, way) in ways.enumerated() {
      let pool = try Pool(processes: 2, initializer: way)
      guard case .initializerFailed(let remote)? = thrown(PoolError.self, by: { try pool.map(0..<10) { $0 } }) else {
        return XCTFail("another case")
      }
      XCTAssertEqual(remote.typeName, number == 0 ? "Refusal" : "ProcessError")
      let future = try pool.submit { 1 }
      guard case .initializerFailed? = thrown(PoolError.self, by: { try future.result() }) else {
        return XCTFail("another case")
      }
    }
  }

  func testAnInitializerRunsOnceInEachWorker() throws {
    let count = try SharedAtomic(0)
    let pool = try Pool(processes: 2, initializer: { count.add(1) })
    let pids = try pool.map(0..<100, chunkSize: 1) { _ in getpid() }
    XCTAssertGreaterThanOrEqual(count.load(), Set(pids).count)
    XCTAssertLessThanOrEqual(count.load(), 2)
  }
}
