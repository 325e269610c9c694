import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Workers that are killed at any moment: every input has one answer, a value or an error that names the killing.
final class PoolStormTests: AuditedTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  override var patience: Double { 240 + Self.seconds }

  private static let seconds = getenv("MP_STORM_SECONDS").flatMap { Double(String(cString: $0)) } ?? 2

  private final class Counts: Sendable {
    let values = SendableCount()
    let kills = SendableCount()
  }

  private final class SendableCount: Sendable {
    private let count = try! SharedAtomic(0)
    func add() { count.add(1) }
    var value: Int { count.load() }
  }

  /// Kills one of this process' children every few milliseconds until the flag is raised, and not before `work` has moved on since the last one:
  /// however slow the machine is, some get to work.
  private static func killer(until isDone: Flag, while work: SharedAtomic<Int>) -> TestThread {
    TestThread {
      var random = SystemRandomNumberGenerator()
      var seen = 0
      while !isDone.isRaised {
        let now = work.load()
        if now != seen, let child = activeChildren().randomElement(using: &random) {
          seen = now
          kill(child.pid, SIGKILL)
        }
        usleep(UInt32.random(in: 200...8000, using: &random))
      }
    }
  }

  private static func check<Out: Equatable>(
    _ results: [Result<Out, any Error>], _ expected: (Int) -> Out, _ counts: Counts
  ) -> String? {
    for (index, result) in results.enumerated() {
      switch result {
      case .success(let value):
        guard value == expected(index) else { return "\(value) for \(index)" }
        counts.values.add()
      case .failure(ProcessError.killed(.kill)): counts.kills.add()
      case .failure(let error): return "\(error) for \(index)"
      }
    }
    return nil
  }

  func testEveryInputIsAnsweredOnce() throws {
    let counts = Counts()
    let isDone = Flag()
    let pool = try Pool(processes: 3)
    let moves = try SharedAtomic(0)
    let work = try pool.register { (number: Int) -> Int in
      moves.add(1)
      if number % 50 == 0 { usleep(300) }
      return number * 2
    }
    let text = try pool.register { (number: Int) -> String in
      moves.add(1)
      return String(repeating: "x", count: number % 20000)
    }
    let killer = Self.killer(until: isDone, while: moves)
    let ends = concurrently(3) { thread -> String? in
      let end = monotonic() + Self.seconds
      var round = 0
      repeat {
        round += 1
        let error: String?
        do {
          switch (thread + round) % 4 {
          case 0: error = Self.check(try pool.mapResults(0..<2000, work), { $0 * 2 }, counts)
          case 1: error = Self.check(try pool.mapResults(0..<300, chunkSize: 1, work), { $0 * 2 }, counts)
          case 2:
            error = Self.check(
              try pool.mapResults(0..<300, chunkSize: 7, text), { String(repeating: "x", count: $0 % 20000) }, counts)
          default:
            let futures = try (0..<50).map { try pool.submit(work, args: $0) }
            error = Self.check(futures.map { future in Result { try future.result() } }, { $0 * 2 }, counts)
          }
        } catch let failure {
          return "\(failure)"
        }
        if let error { return error }
      } while monotonic() < end
      return nil
    }
    isDone.raise()
    killer.join()
    XCTAssertEqual(ends.compactMap { $0 }, [])
    XCTAssertGreaterThan(counts.values.value, 0)
    print("\(counts.values.value) values, \(counts.kills.value) killed")
    pool.close()
    XCTAssertTrue(try pool.join())
  }

  /// With retries enough nothing is lost at all.
  func testRetriesOutlastTheStorm() throws {
    let isDone = Flag()
    let pool = try Pool(processes: 2, retries: 1000)
    let moves = try SharedAtomic(0)
    let killer = Self.killer(until: isDone, while: moves)
    let end = monotonic() + Self.seconds
    repeat {
      let results = try pool.map(0..<500) { number in
        moves.add(1)
        return number + 1
      }
      XCTAssertEqual(results, Array(1...500))
    } while monotonic() < end
    isDone.raise()
    killer.join()
  }

  /// Workers that end by themselves, and come back.
  func testAStormOfExits() throws {
    let pool = try Pool(processes: 3)
    for _ in 0..<5 {
      let results = try pool.mapResults(0..<60, chunkSize: 4) { number -> Int in
        if number % 5 == 0 { exit(7) }
        return number
      }
      for (number, result) in results.enumerated() {
        switch result {
        case .success(let value): XCTAssertTrue(value == number && number % 5 != 0)
        case .failure(let error): XCTAssertTrue(error as? ProcessError == .exited(7) && number % 5 == 0, "\(error)")
        }
      }
    }
  }
}

private func monotonic() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
