import Measuring
import XCTest

/// The lines that the sides of a comparison print, and what is none of them.
final class ReadingTests: XCTestCase {
  func testAFigure() throws {
    let reading = try XCTUnwrap(
      Reading(#"{"impl":"c","bench":"pool_map_tiny","variant":"chunk 1","median":1.5e+06,"unit":"tasks/s","n":50000}"#))
    XCTAssertEqual(reading.implementation, "c")
    XCTAssertEqual(reading.title, "pool_map_tiny chunk 1")
    XCTAssertEqual(reading.outcome, .number(1_500_000))
  }

  func testAFigureWithoutAVariant() throws {
    let reading = try XCTUnwrap(Reading(#" { "impl": "python 3.11", "bench": "queue", "variant": "", "median": 0 } "#))
    XCTAssertEqual(reading.title, "queue")
    XCTAssertEqual(reading.outcome, .number(0))
  }

  func testAFailure() throws {
    let reading = try XCTUnwrap(
      Reading(#"{"impl":"swift","bench":"queue","variant":"","error":"no \"queue\"\n at all: \u00e4"}"#))
    XCTAssertEqual(reading.outcome, .failure("no \"queue\"\n at all: ä"))
  }

  /// What Measuring prints is what it reads.
  func testTheFiguresOfThisProgram() throws {
    let fine = Figure(Benchmark("a", "b", unit: .faults, count: 1) { _ in 12.25 }, rounds: 3)
    XCTAssertEqual(try XCTUnwrap(Reading(fine.json)).outcome, .number(12.25))
    XCTAssertEqual(try XCTUnwrap(Reading(fine.json)).title, "a b")
    let failed = Figure(Benchmark("a", unit: .faults, count: 1) { _ in throw WrongOutcome("\"\\\u{1}") }, rounds: 3)
    XCTAssertEqual(try XCTUnwrap(Reading(failed.json)).outcome, .failure("\"\\\u{1}"))
  }

  func testWhatIsNoFigureIsNone() {
    let lines = [
      "", "{", "}", "[]", "null", "12", "\"impl\"", "warning: {", "{}",
      #"{"impl":"c","bench":"b","variant":""}"#,
      #"{"impl":"c","bench":"b","median":1}"#,
      #"{"impl":"c","variant":"","median":1}"#,
      #"{"bench":"b","variant":"","median":1}"#,
      #"{"impl":1,"bench":"b","variant":"","median":1}"#,
      #"{"impl":"c","bench":["b"],"variant":"","median":1}"#,
      #"{"impl":"c","bench":"b","variant":"","median":"1"}"#,
      #"{"impl":"c","bench":"b","variant":"","median":-1}"#,
      #"{"impl":"c","bench":"b","variant":"","median":NaN}"#,
      #"{"impl":"c","bench":"b","variant":"","median":1e999}"#,
      #"{"impl":"c","bench":"b","variant":"","median":1"#,
      #"{"impl":"c","bench":"b","variant":"","median":1}}"#,
      #"{"impl":"c","bench":"b","variant":"","median":1} {}"#,
      String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 100_000),
      #"{"impl":"c","bench":"b","variant":"","error":"\u"#,
    ]
    for line in lines { XCTAssertNil(Reading(line), line) }
  }
}
