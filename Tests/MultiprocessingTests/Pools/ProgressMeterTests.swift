import XCTest

@testable import Multiprocessing

/// A progress bar as text, without a clock or a terminal.
final class ProgressMeterTests: XCTestCase {
  private typealias Moment = ProgressMeter.Moment

  private static let second: UInt64 = 1_000_000_000

  private func moment(_ done: Int, _ total: Int?, at seconds: Double, failures: Int? = nil) -> Moment {
    Moment(done: done, total: total, failures: failures, time: 5 * Self.second + UInt64(seconds * 1e9))
  }

  /// What a terminal shows of it.
  private func shown(_ text: String?) -> String? {
    guard let text, text.hasPrefix("\r"), let end = text.range(of: "\u{1B}[K") else { return nil }
    return String(text[text.index(after: text.startIndex)..<end.lowerBound])
  }

  func testABarOnATerminal() {
    var meter = ProgressMeter(label: "files")
    let wide = ProgressMeter.Screen.terminal(columns: 100)
    XCTAssertEqual(
      shown(meter.update(moment(0, 200, at: 0), on: wide)),
      "files: 0% [" + String(repeating: ".", count: 40) + "] 0/200")
    XCTAssertEqual(
      shown(meter.update(moment(50, 200, at: 10), on: wide)),
      "files: 25% [##########" + String(repeating: ".", count: 30) + "] 50/200, 5.0/s, 30 s left")
    let end = meter.update(moment(200, 200, at: 125, failures: 3), on: wide)
    XCTAssertEqual(
      shown(end), "files: 100% [" + String(repeating: "#", count: 40) + "] 200/200, 1.6/s, 2:05, 3 failed")
    XCTAssertEqual(end?.hasSuffix("\n"), true)
  }

  func testATerminalIsNotDrawnTooOften() {
    var meter = ProgressMeter(label: "")
    let screen = ProgressMeter.Screen.terminal(columns: 80)
    XCTAssertNotNil(meter.update(moment(1, 10, at: 0), on: screen))
    XCTAssertNil(meter.update(moment(2, 10, at: 0.05), on: screen))
    XCTAssertNotNil(meter.update(moment(3, 10, at: 0.15), on: screen))
    XCTAssertNil(meter.update(moment(4, 10, at: 0.2), on: screen))
    XCTAssertNotNil(meter.update(moment(10, 10, at: 0.21), on: screen), "the end always shows")
  }

  func testNoLineIsLongerThanTheTerminal() {
    for columns in [1, 2, 5, 20, 30, 50, 79, 200] {
      var meter = ProgressMeter(label: "a rather long label")
      for (done, seconds) in [(0, 0.0), (99_999, 1_000), (123_456, 10_000)] {
        let text = shown(meter.update(moment(done, 123_456, at: seconds, failures: 7), on: .terminal(columns: columns)))
        XCTAssertNotNil(text)
        XCTAssertLessThan(text?.count ?? .max, columns)
      }
    }
  }

  func testWideCharactersTakeTwoColumns() {
    let wide = ["테스트", "日本語", "ＡＢＣ", "🚀🚀🚀", "👩‍👩‍👧‍👦👍🏽☀️", "\u{1112}\u{1161}\u{11AB}국어"]
    for text in wide { XCTAssertEqual(text.screenWidth, 6, text) }
    for text in ["abc", "äöü", "a\u{308}o\u{308}u\u{308}", "a\u{200D}b\u{200B}c", "αβγ", "…–€"] {
      XCTAssertEqual(text.screenWidth, 3, text)
    }
    XCTAssertEqual(
      (0...8).map { String("a테스b트".prefix(columns: $0)) },
      [
        "", "a", "a", "a테", "a테", "a테스", "a테스b", "a테스b", "a테스b트",
      ])
    for columns in [2, 5, 9, 20, 31, 50, 80] {
      for label in ["테스트입니다", "🚀 파일", "日本"] {
        var meter = ProgressMeter(label: label)
        for (done, seconds) in [(0, 0.0), (99_999, 1_000), (123_456, 10_000)] {
          let text = shown(
            meter.update(moment(done, 123_456, at: seconds, failures: 7), on: .terminal(columns: columns)))
          XCTAssertLessThan(text?.screenWidth ?? .max, columns)
        }
      }
    }
  }

  func testAnEndAheadOfTime() {
    let screen = ProgressMeter.Screen.terminal(columns: 80)
    var meter = ProgressMeter(label: "")
    // Nothing was shown.
    XCTAssertNil(meter.end(on: screen))
    _ = meter.update(moment(0, nil, at: 0), on: screen)
    XCTAssertNil(meter.update(moment(5, nil, at: 0.05, failures: 1), on: screen))
    // What was not drawn yet is in the last line.
    let end = meter.end(on: screen)
    XCTAssertEqual(shown(end), "5, 100/s, 0 s, 1 failed")
    XCTAssertEqual(end?.hasSuffix("\n"), true)
    XCTAssertNil(meter.end(on: screen))
    // One that is done has ended its line.
    var whole = ProgressMeter(label: "")
    _ = whole.update(moment(0, 3, at: 0), on: screen)
    _ = whole.update(moment(3, 3, at: 1), on: screen)
    XCTAssertNil(whole.end(on: screen))
    // Plain lines are whole.
    var plain = ProgressMeter(label: "")
    _ = plain.update(moment(0, 3, at: 0), on: .plain)
    _ = plain.update(moment(1, 3, at: 20), on: .plain)
    XCTAssertNil(plain.end(on: .plain))
    // Something new begins on a line of its own.
    var again = ProgressMeter(label: "")
    _ = again.update(moment(2, 3, at: 0), on: screen)
    XCTAssertEqual(again.update(moment(1, 3, at: 1), on: screen)?.hasPrefix("\n\r"), true)
  }

  func testPlainLinesNowAndThen() {
    var meter = ProgressMeter(label: "files")
    XCTAssertNil(meter.update(moment(0, 100, at: 0), on: .plain))
    XCTAssertNil(meter.update(moment(10, 100, at: 9), on: .plain))
    XCTAssertEqual(meter.update(moment(25, 100, at: 10), on: .plain), "files: 25% 25/100, 2.5/s, 30 s left\n")
    XCTAssertNil(meter.update(moment(30, 100, at: 19), on: .plain))
    XCTAssertEqual(
      meter.update(moment(100, 100, at: 20, failures: 1), on: .plain), "files: 100% 100/100, 5.0/s, 20 s, 1 failed\n")
  }

  func testWithoutATotal() {
    var meter = ProgressMeter(label: "")
    let screen = ProgressMeter.Screen.terminal(columns: 80)
    XCTAssertEqual(shown(meter.update(moment(0, nil, at: 0), on: screen)), "0, 0 s")
    XCTAssertEqual(shown(meter.update(moment(5, nil, at: 100), on: screen)), "5, 0.05/s, 1:40")
  }

  func testSomethingNewBegins() {
    var meter = ProgressMeter(label: "")
    _ = meter.update(moment(0, 10, at: 0), on: .plain)
    XCTAssertNotNil(meter.update(moment(10, 10, at: 1), on: .plain))
    XCTAssertNil(meter.update(moment(1, 20, at: 100), on: .plain))
    XCTAssertEqual(meter.update(moment(20, 20, at: 119), on: .plain), "100% 20/20, 1.0/s, 19 s\n")
    // The end of nothing at all.
    var empty = ProgressMeter(label: "none")
    XCTAssertEqual(empty.update(moment(0, 0, at: 0), on: .plain), "none: 100% 0/0, 0 s\n")
  }

  func testALabelStaysOnItsLine() {
    var meter = ProgressMeter(label: "a\nb\u{1B}[31m\tc\r\n")
    let text = meter.update(moment(1, 1, at: 0), on: .plain) ?? ""
    XCTAssertEqual(text.filter(\.isNewline).count, 1)
    XCTAssertFalse(text.contains("\u{1B}"))
  }

  func testNumbersThatMakeNoSense() {
    var meter = ProgressMeter(label: "")
    for (done, total) in [(-5, 10), (20, 10), (5, -1), (.max, .max), (.min, .max)] as [(Int, Int)] {
      _ = meter.update(moment(done, total, at: 0), on: .terminal(columns: 80))
      _ = meter.update(moment(done, total, at: 50), on: .plain)
    }
    // A clock that goes back.
    _ = meter.update(Moment(done: 1, total: 5, failures: nil, time: 100), on: .plain)
    _ = meter.update(Moment(done: 2, total: 5, failures: nil, time: 0), on: .plain)
  }

  func testWords() {
    XCTAssertEqual(
      [0.001, 0.25, 0.999, 1, 3.44, 9.97, 10, 1234.5].map(ProgressMeter.words(rate:)),
      ["0.00/s", "0.25/s", "0.99/s", "1.0/s", "3.4/s", "10.0/s", "10/s", "1235/s"])
    XCTAssertEqual(
      [0, 59, 60, 125, 3600, 36_009].map { ProgressMeter.words(time: UInt64($0) * Self.second) },
      ["0 s", "59 s", "1:00", "2:05", "1:00:00", "10:00:09"])
  }
}
