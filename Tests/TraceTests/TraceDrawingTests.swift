import Foundation
import TestSupport
import XCTest

@testable import TraceReading

/// The picture, and the program that draws it.
final class TraceDrawingTests: XCTestCase {
  private static let golden = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/story.svg")

  private func drawing(_ text: String) -> String { TraceDrawing(TraceModel(TraceReader(text).records)).svg }

  /// `TRACE_RECORD_GOLDEN` stores the picture anew, to be looked at.
  func testTheStoryLooksAsItShould() throws {
    let svg = drawing(TraceModelTests.story)
    if ProcessInfo.processInfo.environment["TRACE_RECORD_GOLDEN"] != nil {
      try svg.write(to: Self.golden, atomically: true, encoding: .utf8)
    }
    XCTAssertEqual(svg, try String(contentsOf: Self.golden, encoding: .utf8))
    XCTAssertEqual(svg, drawing(TraceModelTests.story))
  }

  func testThePictureShowsACrashAndItsReplacement() {
    let svg = drawing(TraceModelTests.story)
    XCTAssertTrue(svg.contains("pid 3 → 4"))
    XCTAssertTrue(svg.contains("class=\"replaced\""))
    XCTAssertTrue(svg.contains("crashed with SIGILL: Index out of range"))
    XCTAssertTrue(svg.contains("task &lt;3&gt; &amp; &quot;more&quot;"))
    XCTAssertFalse(svg.contains("task <3>"))
  }

  func testHostileNamesGiveValidXML() throws {
    for name in [#"</svg><script>\"'&"#, #"\u0000\u0001\u001b[31m"#, #"\ud83e"#, "\u{FFFE}]]>", "\u{202E}<!--"] {
      let svg = drawing(
        #"""
        {"name":"\#(name)","cat":"process","ph":"B","pid":2,"tid":2,"ts":0},
        {"name":"\#(name)","cat":"task","ph":"B","pid":2,"tid":2,"ts":1},
        {"name":"\#(name)","cat":"user","ph":"i","pid":2,"tid":2,"ts":1},
        {"name":"ended by \#(name)","cat":"end","ph":"i","pid":2,"tid":2,"ts":9,"args":{"signal":9,"message":"\#(name)"}},
        """#)
      XCTAssertTrue(svg.hasSuffix("</svg>\n"))
      XCTAssertFalse(svg.contains("<script") || svg.contains("<!--"))
      XCTAssertTrue(svg.contains("class=\"error\""), name)
      XCTAssertFalse(svg.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    }
  }

  func testExtremeTimesAreDrawn() {
    for times in [(0, 0), (0, 1), (999_999_999_999_000, 999_999_999_999_999), (0, 999_999_999_999_999)] {
      let svg = drawing(
        """
        {"name":"a","cat":"process","ph":"B","pid":2,"tid":2,"ts":\(times.0)},
        {"name":"x","cat":"task","ph":"X","pid":2,"tid":2,"ts":\(times.0),"dur":999999999999999},
        {"name":"","cat":"process","ph":"E","pid":2,"tid":2,"ts":\(times.1)},
        """)
      XCTAssertTrue(svg.hasSuffix("</svg>\n"))
    }
  }

  func testManyProcessesAndManyBarsStayBounded() {
    var lines: [String] = []
    for pid in 1...700 { lines.append(#"{"name":"p","cat":"process","ph":"B","pid":\#(pid),"tid":1,"ts":\#(pid)},"#) }
    for number in 0..<20_000 {
      lines.append(#"{"name":"t","cat":"task","ph":"X","pid":1,"tid":1,"ts":\#(number * 10),"dur":5},"#)
    }
    let svg = drawing(lines.joined(separator: "\n"))
    XCTAssertTrue(svg.contains("and 200 more"))
    XCTAssertLessThan(svg.split(separator: "\n").count, 10_000)
  }

  // MARK: The program

  private func mptrace(_ arguments: String...) throws -> (code: Int32, errors: String, output: String) {
    var code: Int32 = 0
    var output = ""
    let errors = try capturing(2) {
      let program: TestProgram
      switch arguments.count {
      case 0: program = TestProgram("mptrace")
      case 1: program = TestProgram("mptrace", arguments[0])
      case 2: program = TestProgram("mptrace", arguments[0], arguments[1])
      default: program = TestProgram("mptrace", arguments[0], arguments[1], arguments[2])
      }
      code = program.wait()
      output = program.output.text
    }
    return (code, errors, output)
  }

  func testTheProgram() throws {
    let (trace, picture) = (TraceFile(), TraceFile())
    try (TraceModelTests.story + "\ntorn{").write(toFile: trace.path, atomically: true, encoding: .utf8)
    let result = try mptrace(trace.path, "-o", picture.path)
    XCTAssertEqual(result.code, 0, result.errors)
    XCTAssertTrue(result.output.hasPrefix("4 processes in 0.010000 seconds\n"))
    XCTAssertTrue(result.output.hasSuffix("1 lines that are no events were passed over\n"))
    XCTAssertEqual(picture.text, drawing(TraceModelTests.story))
    let help = try mptrace("--help")
    XCTAssertEqual(help.code, 0)
    XCTAssertTrue(help.output.hasPrefix("usage: mptrace FILE"))
  }

  func testMisuseOfTheProgram() throws {
    let empty = TraceFile()
    try "[\n".write(toFile: empty.path, atomically: true, encoding: .utf8)
    let cases: [([String], String)] = [
      ([], "mptrace: the name of a trace is missing; --help tells more\n"),
      (["--what"], "mptrace: unknown option --what; --help lists those there are\n"),
      (["/nowhere"], "mptrace: cannot read /nowhere: No such file or directory\n"),
      (["/tmp"], "mptrace: cannot read /tmp: Is a directory\n"),
      ([empty.path, "-o"], "mptrace: -o takes the name of a file to write\n"),
      (["a", "b"], "mptrace: takes one trace, and was given a and b\n"),
      ([empty.path], "mptrace: \(empty.path) holds no event of a trace\n"),
    ]
    for (arguments, sentence) in cases {
      let result =
        switch arguments.count {
        case 0: try mptrace()
        case 1: try mptrace(arguments[0])
        default: try mptrace(arguments[0], arguments[1])
        }
      XCTAssertEqual(result.errors, sentence)
      XCTAssertEqual(result.code, 2)
      XCTAssertEqual(result.output, "")
    }
  }
}
