import Measuring
import XCTest

/// What is made of the rounds, without any of them.
final class ComparisonTests: XCTestCase {
  private let time = ComparedWork.all.first { $0.title == "start_join touched 0 MiB" }!
  private let rate = ComparedWork.all.first { $0.title == "lock_contended_2" }!
  private let coder = ComparedWork.all.first { $0.title == "code_struct wire" }!
  private let alone = ComparedWork.all.first { $0.title == "crash_to_error unsymbolised" }!

  private func comparison(_ works: [ComparedWork], _ numbers: [(Comparison.Side, String, Double)]) throws -> Comparison
  {
    var comparison = Comparison(works)
    for (side, title, number) in numbers {
      let words = title.split(separator: " ", maxSplits: 1)
      let implementation = side == .python ? "python 3.11" : "other"
      let line =
        #"{"impl":"\#(implementation)","bench":"\#(words[0])","variant":"\#(words.count > 1 ? words[1] : "")","#
        + #""median":\#(number)}"#
      comparison.add(try XCTUnwrap(Reading(line)), of: side)
    }
    return comparison
  }

  func testATimeIsHeldAgainstTheLimit() throws {
    let title = time.title
    let result = try comparison(
      [time],
      [
        (.c, title, 100), (.c, title, 300), (.c, title, 110), (.swift, title, 150), (.swift, title, 170),
        (.python, title, 1600),
      ]
    ).result(of: time)
    XCTAssertEqual(result.limit, 110)
    XCTAssertEqual(result.swift, 160)
    XCTAssertEqual(result.ratio, 160.0 / 110)
    XCTAssertEqual(result.isMet, true)
    XCTAssertEqual(result.gain, 10)
  }

  func testTheLimitOfARateIsTheHighestMedian() throws {
    let result = try comparison(
      [rate],
      [
        (.c, rate.limits[0], 50), (.c, rate.limits[0], 90), (.c, rate.limits[0], 10), (.c, rate.limits[1], 40),
        (.swift, rate.title, 20), (.python, rate.title, 4),
      ]
    ).result(of: rate)
    XCTAssertEqual(result.limit, 50)
    XCTAssertEqual(result.ratio, 0.4)
    XCTAssertEqual(result.isMet, false)
    XCTAssertEqual(result.gain, 5)
  }

  func testTheLimitOfACoderIsFoundationsBest() throws {
    let result = try comparison(
      [coder],
      [(.swift, coder.title, 0.6), (.swift, "code_struct json", 0.05), (.swift, "code_struct plist", 0.1)]
    ).result(of: coder)
    XCTAssertEqual(result.limit, 0.1)
    XCTAssertEqual(result.isMet, true)
    XCTAssertNil(result.gain)
  }

  func testAnAbsoluteTargetNeedsNoLimit() throws {
    XCTAssertEqual(try comparison([alone], [(.swift, alone.title, 3000)]).result(of: alone).isMet, true)
    XCTAssertEqual(try comparison([alone], [(.swift, alone.title, 3001)]).result(of: alone).isMet, false)
  }

  func testWhatIsMissingDecidesNothing() throws {
    let nothing = Comparison([time]).result(of: time)
    XCTAssertNil(nothing.limit ?? nothing.swift ?? nothing.python ?? nothing.ratio ?? nothing.gain)
    XCTAssertNil(nothing.isMet)
    let withoutLimit = try comparison([time], [(.swift, time.title, 1)]).result(of: time)
    XCTAssertNil(withoutLimit.ratio)
    XCTAssertNil(withoutLimit.isMet)
    let againstNothing = try comparison(
      [time], [(.swift, time.title, 1), (.c, time.title, 0), (.python, time.title, 0)]
    ).result(of: time)
    XCTAssertNil(againstNothing.ratio)
    XCTAssertNil(againstNothing.isMet)
    XCTAssertEqual(againstNothing.gain, 0)
  }

  func testAFailedRoundLeavesTheOthers() throws {
    var comparison = try comparison([time], [(.swift, time.title, 5)])
    let failure = #"{"impl":"swift","bench":"start_join","variant":"touched 0 MiB","error":"no more processes"}"#
    comparison.add(try XCTUnwrap(Reading(failure)), of: .swift)
    XCTAssertEqual(comparison.result(of: time).swift, 5)
  }

  func testTheTable() throws {
    let table = try comparison(
      [time, rate, alone],
      [
        (.c, time.title, 84.24), (.swift, time.title, 120), (.python, time.title, 2861),
        (.c, rate.limits[0], 25_236_800), (.swift, rate.title, 2_000_000),
      ]
    ).table
    XCTAssertEqual(
      table.rows,
      [
        ["work", "limit", "Swift", "ratio", "target", "met", "Python 3.11", "gain"],
        ["process, start and join", "84.2 µs", "120 µs", "1.42 ×", "≤ 1.5 ×", "yes", "2.86 ms", "23.8 ×"],
        ["lock, 2 processes contending", "25.2 M/s", "2.00 M/s", "0.079 ×", "≥ 0.5 ×", "no", "–", "–"],
        ["process, from its crash to the error", "–", "failed", "–", "≤ 3.00 ms", "–", "–", "–"],
      ])
    XCTAssertEqual(table.text.split(separator: "\n").count, 4)
    XCTAssertEqual(table.markdown.split(separator: "\n").count, 5)
  }

  func testWithoutPythonItsColumnIsEmpty() {
    XCTAssertEqual(Comparison([time]).table.rows[0][6], "Python")
    XCTAssertEqual(Comparison([time]).table.rows[1][6], "–")
  }
}
