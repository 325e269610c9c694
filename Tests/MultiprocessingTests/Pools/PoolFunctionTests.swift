import Glibc
import Multiprocessing
import Synchronization
import TestSupport
import XCTest

/// What a pool holds of functions, of what they have captured, and of arguments.
final class PoolFunctionTests: AuditedTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  private final class Capture: Sendable {
    let number: Int
    init(_ number: Int) { self.number = number }
  }

  private func function(_ pool: Pool, _ watch: inout () -> Bool) throws -> PoolFunction<Int, Int> {
    let capture = Capture(7)
    weak let found = capture
    watch = { found == nil }
    return try pool.register { $0 * capture.number }
  }

  func testAFunctionGoesWithItsLastHolder() throws {
    let pool = try Pool(processes: 1)
    let (started, gate) = (Gate(), Gate())
    var isGone: () -> Bool = { false }
    var function: PoolFunction<Int, Int>? = try self.function(pool, &isGone)
    XCTAssertEqual(try pool.map(0..<10, try XCTUnwrap(function)), (0..<10).map { $0 * 7 })
    XCTAssertFalse(isGone())
    let blocker = try pool.submit {
      started.open()
      gate.pass()
    }
    started.pass()
    // Calls under way hold it.
    let future = try pool.submit(try XCTUnwrap(function), args: 6)
    function = nil
    XCTAssertFalse(isGone())
    gate.open()
    try blocker.result()
    XCTAssertEqual(try future.result(), 42)
    XCTAssertTrue(eventually { isGone() })
    XCTAssertEqual(try pool.submit { 5 }.result(), 5)
  }

  func testFunctionsGoWithTheirPool() throws {
    for way in 0..<3 {
      var isGone: [() -> Bool] = []
      do {
        let pool = try Pool(processes: 1)
        for _ in 0..<3 {
          var watch: () -> Bool = { false }
          let function = try self.function(pool, &watch)
          isGone.append(watch)
          XCTAssertEqual(try pool.submit(function, args: 2).result(), 14)
        }
        switch way {
        case 0:
          pool.close()
          try pool.join()
        case 1: pool.terminate()
        default: break
        }
      }
      XCTAssertTrue(eventually { isGone.allSatisfy { $0() } })
    }
  }

  func testNothingIsHeldOfATaskThatIsDone() throws {
    let pool = try Pool(processes: 2)
    var isGone: [() -> Bool] = []
    for number in 0..<20 {
      let capture = Capture(number)
      weak let found = capture
      isGone.append { found == nil }
      if number % 2 == 0 {
        XCTAssertEqual(try pool.submit { capture.number }.result(), number)
      } else {
        XCTAssertEqual(try pool.map(0..<3) { $0 + capture.number }, [number, number + 1, number + 2])
      }
    }
    XCTAssertTrue(eventually { isGone.allSatisfy { $0() } })
  }

  /// An argument that counts how many of its kind there are in its process.
  private final class Argument: Codable, Sendable {
    static let alive = Atomic(0)
    let number: Int

    init(_ number: Int) { self.number = number }

    init(from decoder: any Decoder) throws {
      number = try decoder.singleValueContainer().decode(Int.self)
      Argument.alive.add(1, ordering: .relaxed)
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(number)
    }

    deinit { Argument.alive.subtract(1, ordering: .relaxed) }
  }

  func testArgumentsAreLetGoOfInTheWorker() throws {
    let pool = try Pool(processes: 1)
    for chunkSize in [1, 10] {
      let arguments = (0..<10).map { Argument($0) }
      let counts = try pool.map(arguments, chunkSize: chunkSize) { argument in
        argument.number * 0 + Argument.alive.load(ordering: .relaxed)
      }
      XCTAssertEqual(Set(counts).count, 1, "\(counts)")
    }
  }
}
