import XCTest

@testable import Endurance

/// The command line of mpstress, and what its seed decides.
final class StressOptionsTests: XCTestCase {
  private func options(_ arguments: String...) throws -> StressOptions {
    try StressOptions(arguments, kinds: ["queues", "pools"])
  }

  func testArguments() throws {
    let options = try options(
      "--minutes", "0.5", "--seed", "18446744073709551615", "--only", "pools", "--only", "queues", "--patience", "30")
    XCTAssertEqual(options.minutes, 0.5)
    XCTAssertEqual(options.seed, .max)
    XCTAssertEqual(options.kinds, ["pools", "queues"])
    XCTAssertEqual(options.patience, 30)
    XCTAssertEqual(try self.options().minutes, 2)
    XCTAssertNil(try self.options().seed)
    XCTAssertTrue(try self.options("--help").asksForHelp)
  }

  func testMisuse() {
    for arguments in [
      ["--minutes"], ["--minutes", "0"], ["--minutes", "inf"], ["--seed", "-1"], ["--only", "ghosts"], ["--only"],
      ["--patience", "soon"], ["--fast"],
    ] {
      XCTAssertThrowsError(try StressOptions(arguments, kinds: ["queues"]), "\(arguments)") {
        XCTAssertTrue(($0 as? StressOptions.Misuse)?.message.contains(arguments[0]) == true, "\($0)")
      }
    }
  }

  func testASeedDecidesForEachNameAnew() {
    var (one, same, other) = (Draw(seed: 7, name: "a"), Draw(seed: 7, name: "a"), Draw(seed: 7, name: "b"))
    let numbers = (0..<100).map { _ in one.number(0...1 << 40) }
    XCTAssertEqual(numbers, (0..<100).map { _ in same.number(0...1 << 40) })
    XCTAssertNotEqual(numbers, (0..<100).map { _ in other.number(0...1 << 40) })
    // SplitMix64 as it is published.
    var known = Draw(seed: 1_234_567)
    XCTAssertEqual(known.next(), 6_457_827_717_110_365_317)
    XCTAssertTrue((0..<1000).allSatisfy { _ in 1...50 ~= known.size(upTo: 50) })
  }

  func testATallyAddsUp() {
    var (tally, other) = (Tally(), Tally())
    tally.add("put", to: .operations)
    other.add("put", to: .operations, 2)
    other.add("SIGKILL", to: .kills)
    tally.add(other)
    XCTAssertEqual(tally["put", .operations], 3)
    XCTAssertEqual(tally.sum(.kills), 1)
    XCTAssertTrue(tally.table.contains("kills: 1\n  SIGKILL  1"), tally.table)
  }
}
