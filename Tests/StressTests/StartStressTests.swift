import Glibc
import Multiprocessing
import Synchronization
import TestSupport
import XCTest

/// Many starts, in parents that are busy.
final class StartStressTests: AuditedTestCase {
  override var patience: Double { 240 }

  /// Starts children that each return something else; how many came to what they should.
  private static func rightResults(of count: Int) -> Int {
    (0..<count).count { number in
      let process = Process(target: { (a: Int) in ["\(a)": [a, a * a]] }, args: (number))
      do {
        try process.start()
        return try process.result(timeout: .seconds(20)) == ["\(number)": [number, number * number]]
      } catch {
        // One that hangs would be joined at the program's end, for ever.
        try? process.kill()
        return false
      }
    }
  }

  func testEightThreadsWithAHundredStartsEach() {
    let before = Inventory.now()
    let counts = concurrently(8) { _ in Self.rightResults(of: 100) }
    XCTAssertEqual(counts, Array(repeating: 100, count: 8))
    XCTAssertEqual(activeChildren(), [])
    XCTAssertEqual(Inventory.leaks(since: before), [])
  }

  /// Starts `count` children while `threads` others do `work` without a pause; how many came to what they should, and
  /// how often each of the others did its work.
  private static func startChildren(
    _ count: Int, threads: Int, while work: @escaping @Sendable (_ thread: Int, _ round: Int) -> Void
  ) -> (right: Int, rounds: [Int]) {
    let isDone = Flag()
    let counts = concurrently(threads + 1) { number -> Int in
      if number == threads {
        defer { isDone.raise() }
        return rightResults(of: count)
      }
      var round = 0
      while !isDone.isRaised {
        work(number, round)
        round += 1
      }
      return round
    }
    return (counts[threads], Array(counts[..<threads]))
  }

  private func check(
    threads: Int = 2, line: UInt = #line, while work: @escaping @Sendable (_ thread: Int, _ round: Int) -> Void
  ) throws {
    for _ in 0..<3 {
      // In a process of its own, which takes along what the work leaves in memory: every fork would copy its tables.
      let counts = try Process.run {
        let (right, rounds) = Self.startChildren(100, threads: threads, while: work)
        return [right] + rounds
      }
      XCTAssertEqual(counts[0], 100, line: line)
      XCTAssertTrue(counts[1...].allSatisfy { $0 > 0 }, "\(counts)", line: line)
    }
  }

  func testWhileThreadsAllocate() throws {
    try check { thread, round in
      var lists: [[String]] = []
      for number in 0..<50 { lists.append(Array(repeating: "\(thread) \(round)", count: number)) }
      precondition(lists.count == 50)
    }
  }

  func testWhileThreadsUseLocksAndFiles() throws {
    let mutex = Mutex(0)
    try check { _, _ in
      mutex.withLock { $0 += 1 }
      precondition(!textOfFile("/proc/self/stat").isEmpty)
    }
  }

  /// Types that nobody has asked for yet: the Swift runtime makes them under its locks.
  private struct Pair<First, Second> {
    var first: First
    var second: Second
  }

  private static func makeTypes(_ type: Any.Type, _ bits: Int, depth: Int) -> Int {
    func pair<First>(_: First.Type) -> any Any.Type {
      switch bits >> depth & 3 {
      case 0: Pair<First, Int>.self
      case 1: Pair<First, String>.self
      case 2: Pair<First?, [First]>.self
      default: (First, Int8).self
      }
    }
    guard depth < 24 else { return 1 }
    return makeTypes(_openExistential(type, do: pair), bits, depth: depth + 2)
  }

  func testWhileThreadsMakeTypes() throws {
    try check(threads: 4) { thread, round in
      let number = (round &* 4 &+ thread) &* 0x9E37_79B9 & 0xFF_FFFF
      precondition(Self.makeTypes(Int.self, number, depth: 0) == 1)
      let value: Any = number
      precondition(value as? any CustomStringConvertible != nil && value as? any Sequence == nil)
    }
  }
}
