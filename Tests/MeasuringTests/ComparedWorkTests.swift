import Foundation
import Measuring
import XCTest

/// The rows of the comparison, against the programs that are to measure them.
final class ComparedWorkTests: XCTestCase {
  private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sources")

  /// "bench variant" of each line that starts with these words and two texts.
  private func titles(in file: String, after start: String) throws -> Set<String> {
    let text = try String(contentsOf: Self.sources.appendingPathComponent(file), encoding: .utf8)
    let expression = try Regex(#"\#(start)"([^"]*)", "([^"]*)","#)
    return Set(
      text.matches(of: expression).map { match in
        let (bench, variant) = (match.output[1].substring ?? "", match.output[2].substring ?? "")
        return variant.isEmpty ? String(bench) : "\(bench) \(variant)"
      })
  }

  func testCMeasuresEachLimit() throws {
    let measured = try titles(in: "mpbaseline/main.c", after: #"\{"#)
    let wanted = Set(ComparedWork.all.flatMap { $0.titles(of: .c) })
    XCTAssertEqual(wanted.subtracting(measured), [])
    // Two pipes, for those who want to know.
    XCTAssertEqual(measured.subtracting(wanted).filter { !$0.hasPrefix("pingpong_pipe") }, [])
  }

  func testPythonMeasuresWhatItHas() throws {
    let measured = try titles(in: "mpbench/baseline.py", after: #"@baseline\("#)
    XCTAssertEqual(Set(ComparedWork.all.flatMap { $0.titles(of: .python) }), measured)
  }

  func testSwiftHasEachBenchmark() throws {
    let texts = try ["mpbench", "mpbench-coders"].flatMap { folder in
      let folder = Self.sources.appendingPathComponent(folder)
      return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        .filter { $0.pathExtension == "swift" }.map { try String(contentsOf: $0, encoding: .utf8) }
    }
    for title in ComparedWork.all.flatMap({ $0.titles(of: .swift) }) {
      let bench = title.prefix { $0 != " " }
      XCTAssertTrue(texts.contains { $0.contains("\"\(bench)\"") }, title)
    }
  }

  func testRowsAreToldApart() {
    XCTAssertEqual(Set(ComparedWork.all.map(\.name)).count, ComparedWork.all.count)
    XCTAssertEqual(Set(ComparedWork.all.map(\.title)).count, ComparedWork.all.count)
    for work in ComparedWork.all {
      // A title is matched as a regular expression, and a name is a cell of a table.
      XCTAssertNil(
        (work.title + work.name).rangeOfCharacter(from: CharacterSet(charactersIn: #"\.*+?()[]{}^$|"#)), work.title)
      XCTAssertTrue(work.target?.isRatio != true || !work.limits.isEmpty, work.title)
    }
  }

  func testTheCommandLine() throws {
    XCTAssertFalse(ComparisonOptions.areMeant(by: ["--json"]))
    XCTAssertTrue(ComparisonOptions.areMeant(by: ["--json", "--compare"]))
    let plain = try ComparisonOptions(["--compare"])
    XCTAssertEqual(try plain.selection(from: ComparedWork.all), ComparedWork.all)
    let some = try ComparisonOptions(["--only", "thread", "--compare", "--rounds", "3", "--markdown"])
    XCTAssertEqual(some.common.rounds, 3)
    XCTAssertTrue(some.asksForMarkdown)
    XCTAssertEqual(try some.selection(from: ComparedWork.all).map(\.title), ["thread_start_join"])
    let byName = try ComparisonOptions(["--compare", "--only", "contending"])
    XCTAssertEqual(try byName.selection(from: ComparedWork.all).map(\.title), ["lock_contended_2"])
    for misused in [["--json", "--markdown"], ["--rounds"], ["--rounds", "0"], ["--only", "("], ["--colour"]] {
      XCTAssertThrowsError(try ComparisonOptions(["--compare"] + misused)) { XCTAssertTrue($0 is UsageError) }
    }
  }
}
