import Glibc
import Multiprocessing
import TestSupport
import XCTest

private func triple(_ number: Int) -> Int { 3 * number }
private func slowly(_ number: Int) async throws -> String {
  try await Task.sleep(for: .microseconds(10))
  return "\(number)"
}

/// The same in async functions.
final class PoolAsyncSpellingTests: TaskTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  func testMaps() async throws {
    let pool = try Pool(processes: 2)
    var values = try await pool.map([1, 2, 3]) { $0 * 2 }
    XCTAssertEqual(values, [2, 4, 6])
    values = try await pool.map(1...3, triple)
    XCTAssertEqual(values, [3, 6, 9])
    let texts = try await pool.map(1...3, chunkSize: 2, slowly)
    XCTAssertEqual(texts, ["1", "2", "3"])
    let nothing: [Void] = try await pool.map(1...3) { _ in }
    XCTAssertEqual(nothing.count, 3)
    let results = try await pool.mapResults(1...2) { $0 + 1 }
    XCTAssertEqual(try results.map { try $0.get() }, [2, 3])
    values = try await pool.starmap([(1, 2), (3, 4)]) { $0 * $1 }
    XCTAssertEqual(values, [2, 12])
    let function = try pool.register(triple)
    values = try await pool.map(1...3, function)
    XCTAssertEqual(values, [3, 6, 9])
    pool.close()
    let hasEnded = try await pool.join()
    XCTAssertTrue(hasEnded)
  }

  func testStreamsAndFutures() async throws {
    let pool = try Pool(processes: 2)
    var squares: [Int] = []
    for try await result in try pool.imap(1...4, { $0 * $0 }) { squares.append(try result.get()) }
    XCTAssertEqual(squares, [1, 4, 9, 16])
    let future = try pool.submit(triple, args: 5)
    let value = try await future.value
    XCTAssertEqual(value, 15)
    let other = try await pool.submit { 7 }.result(timeout: .seconds(100))
    XCTAssertEqual(other, 7)
  }
}
