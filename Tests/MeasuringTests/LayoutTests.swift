import Measuring
import XCTest

/// Numbers, targets and tables for people.
final class LayoutTests: XCTestCase {
  func testNumbersHaveThreeDigits() {
    XCTAssertEqual(
      [0, 0.0391, 0.515, 1, 9.994, 9.996, 10.66, 99.94, 99.96, 284.4].map(threeDigits),
      [
        "0.000", "0.039", "0.52", "1.00", "9.99", "10.0", "10.7", "99.9", "100", "284",
      ])
    XCTAssertEqual(threeDigits(.greatestFiniteMagnitude).count, 309)
  }

  func testUnitsGrow() {
    XCTAssertEqual(
      [33, 999.4, 999.6, 2e12].map(Benchmark.Unit.nanoseconds.text), ["33.0 ns", "999 ns", "1.00 µs", "2000 s"])
    XCTAssertEqual([0.5, 84.2, 10_700].map(Benchmark.Unit.microseconds.text), ["0.50 µs", "84.2 µs", "10.7 ms"])
    XCTAssertEqual(
      [5, 34_582, 28_936_400].map(Benchmark.Unit.tasksPerSecond.text), ["5.00 /s", "34.6 k/s", "28.9 M/s"])
    XCTAssertEqual(
      [0.0271, 0.93, 4.71].map(Benchmark.Unit.gibibytesPerSecond.text), ["27.8 MiB/s", "952 MiB/s", "4.71 GiB/s"])
    XCTAssertEqual([25, 25.5].map(Benchmark.Unit.faults.text), ["25", "25.5"])
  }

  func testTargets() {
    XCTAssertEqual(Target.times(.atMost, 1.5).text(in: .microseconds), "≤ 1.5 ×")
    XCTAssertEqual(Target.times(.atLeast, 2).text(in: .tasksPerSecond), "≥ 2 ×")
    XCTAssertEqual(Target.figure(.atLeast, 5_000_000).text(in: .messagesPerSecond), "≥ 5.00 M/s")
    XCTAssertEqual(Target.figure(.atMost, 80).text(in: .faults), "≤ 80")
    XCTAssertEqual(Target.times(.atMost, 1.5).isMet(by: 150, limit: 100), true)
    XCTAssertEqual(Target.times(.atMost, 1.5).isMet(by: 151, limit: 100), false)
    XCTAssertEqual(Target.times(.atLeast, 0.5).isMet(by: 50, limit: 100), true)
    XCTAssertEqual(Target.times(.atLeast, 0.5).isMet(by: 49, limit: 100), false)
    XCTAssertNil(Target.times(.atLeast, 0.5).isMet(by: 49, limit: nil))
    XCTAssertNil(Target.figure(.atLeast, 0.5).isMet(by: nil, limit: 1))
  }

  func testTables() {
    let grid = Grid(rows: [["work", "time"], ["a", "1 µs"], ["longer", "12 µs"]], numericColumns: [1])
    XCTAssertEqual(grid.text, "work     time\na        1 µs\nlonger  12 µs")
    XCTAssertEqual(grid.markdown, "| work   |  time |\n|--------|------:|\n| a      |  1 µs |\n| longer | 12 µs |")
    XCTAssertEqual(Grid(rows: [], numericColumns: []).text, "")
    XCTAssertEqual(Grid(rows: [["a", ""]], numericColumns: []).text, "a")
  }

  func testMedians() {
    XCTAssertEqual([3.0].median, 3)
    XCTAssertEqual([9.0, 1, 3].median, 3)
    XCTAssertEqual([9.0, 1, 3, 5].median, 4)
  }
}
