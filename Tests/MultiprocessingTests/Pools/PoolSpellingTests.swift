import Glibc
import Multiprocessing
import TestSupport
import XCTest

private func triple(_ number: Int) -> Int { 3 * number }
private func halve(_ number: Int) throws -> Double { Double(number) / 2 }
private func slowly(_ number: Int) async throws -> String {
  try await Task.sleep(for: .microseconds(10))
  return "\(number)"
}
private func add(_ one: Int, _ other: Double) -> Double { Double(one) + other }

/// Every way to write a call, as somebody would who has read the documentation.
final class PoolSpellingTests: AuditedTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  func testMaps() throws {
    let pool = try Pool(processes: 2)
    let offset = 10
    XCTAssertEqual(try pool.map([1, 2, 3]) { $0 * 2 }, [2, 4, 6])
    XCTAssertEqual(try pool.map([1, 2, 3]) { $0 + offset }, [11, 12, 13])
    XCTAssertEqual(try pool.map(1...3, triple), [3, 6, 9])
    XCTAssertEqual(try pool.map(1...3, halve), [0.5, 1, 1.5])
    XCTAssertEqual(
      try pool.map(stride(from: 0, to: 6, by: 2), chunkSize: 2) { (number: Int) -> String in "\(number)" },
      ["0", "2", "4"])
    XCTAssertEqual(try pool.map(["a", "b"], chunkSize: 1) { text in text + text }, ["aa", "bb"])
    XCTAssertEqual(try pool.map([] as [Int]) { $0 }, [])
    XCTAssertEqual(try pool.map(Set([7])) { [$0: "\($0)"] }, [[7: "7"]])
    let nothing: [Void] = try pool.map(1...3) { _ in }
    XCTAssertEqual(nothing.count, 3)
    XCTAssertEqual(try pool.map(1...3, slowly), ["1", "2", "3"])
    XCTAssertEqual(
      try pool.map(1...3) { number async in
        await Task.yield()
        return number * 5
      }, [5, 10, 15])
    let results = try pool.mapResults(1...2) { $0 + 1 }
    XCTAssertEqual(try results.map { try $0.get() }, [2, 3])
    _ = try pool.mapResults(1...2) { _ in }
    XCTAssertEqual(try pool.mapResults(1...2, slowly).count, 2)
    XCTAssertEqual(try pool.starmap([(1, 2.5), (3, 4.5)], add), [3.5, 7.5])
    XCTAssertEqual(
      try pool.starmap([(1, "a"), (2, "b")], chunkSize: 1) { number, text in "\(number)\(text)" }, ["1a", "2b"])
    XCTAssertEqual(try pool.starmap(zip(1...2, 3...4)) { (a: Int, b: Int) in a * b }, [3, 8])
    try pool.starmap([(1, 2)]) { (a: Int, b: Int) in precondition(a < b) }
    XCTAssertEqual(try pool.starmap([(1, 2, 3)]) { (a: Int, b: Int, c: Int) async in a + b + c }, [6])
    pool.close()
    XCTAssertTrue(try pool.join())
  }

  func testStreams() throws {
    let pool = try Pool(processes: 2)
    var squares: [Int] = []
    for result in try pool.imap(1...4, { $0 * $0 }) { squares.append(try result.get()) }
    XCTAssertEqual(squares, [1, 4, 9, 16])
    XCTAssertEqual(try pool.imap(1..., chunkSize: 3) { $0 }.prefix(5).map { try $0.get() }, [1, 2, 3, 4, 5])
    XCTAssertEqual(Set(try pool.imapUnordered(1...9) { $0 }.map { try $0.get() }), Set(1...9))
    XCTAssertEqual(try pool.imap(1...2, slowly).map { try $0.get() }, ["1", "2"])
    XCTAssertEqual(try pool.imap(1...2) { _ in }.map { $0 }.count, 2)
    XCTAssertEqual(try pool.imapUnordered(1...2, chunkSize: 2) { _ async in }.map { $0 }.count, 2)
  }

  func testSubmissions() throws {
    let pool = try Pool(processes: 2)
    let base = 3
    XCTAssertEqual(try pool.submit { base + 1 }.result(), 4)
    XCTAssertEqual(try pool.submit(triple, args: 5).result(), 15)
    XCTAssertEqual(try pool.submit(triple, args: (5)).result(timeout: .seconds(100)), 15)
    XCTAssertEqual(try pool.submit(add, args: (1, 2.5)).result(), 3.5)
    XCTAssertEqual(try pool.submit({ (a: Int, b: String) in b + "\(a)" }, args: (1, "x")).result(), "x1")
    try pool.submit { print("", terminator: "") }.result()
    try pool.submit({ (a: Int) in precondition(a == 1) }, args: (1)).result()
    XCTAssertEqual(try pool.submit(slowly, args: 8).result(), "8")
    XCTAssertEqual(try pool.submit { () async in 9 }.result(), 9)
    let futures = try (1...5).map { try pool.submit(triple, args: $0) }
    XCTAssertEqual(try futures.map { try $0.result() }, [3, 6, 9, 12, 15])
  }

  func testRegisteredFunctions() throws {
    let pool = try Pool(processes: 2)
    let function = try pool.register(triple)
    let doubled = try pool.register { (number: Int) in number * 2 }
    let asynchronous = try pool.register(slowly)
    let silent = try pool.register { (_: Int) in }
    XCTAssertEqual(try pool.map(1...3, function), [3, 6, 9])
    XCTAssertEqual(try pool.map(1...3, chunkSize: 1, doubled), [2, 4, 6])
    XCTAssertEqual(try pool.mapResults(1...1, asynchronous).map { try $0.get() }, ["1"])
    XCTAssertEqual(try pool.imap(1...3, function).map { try $0.get() }, [3, 6, 9])
    XCTAssertEqual(try pool.imapUnordered(1...3, chunkSize: 3, function).map { try $0.get() }, [3, 6, 9])
    XCTAssertEqual(try pool.submit(function, args: 4).result(), 12)
    try pool.submit(silent, args: 4).result()
  }
}
