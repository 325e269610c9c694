import Foundation
import XCTest

/// What the compiler does not hold together: who may import what, and which floor may use which.
final class HouseRulesTests: XCTestCase {
  private struct Source {
    let path: String
    let text: String
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
  }

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The floors of each house, low to high.
  private static let houses = [
    (
      "Sources/MultiprocessingEngine",
      [
        "System", "Tracing", "Reactor", "Keeping", "Memory", "Lanes", "Sync", "Naming", "Queue", "Frames",
        "Sockets", "Crash", "Reaping", "Fork", "Spawning",
      ]
    ),
    (
      "Sources/Multiprocessing",
      [
        "Wire", "Failures", "Concurrency", "Sharing", "SharedMemory", "Synchronization", "Processes", "Tracing",
        "Channels", "Futures", "Threads", "Pools", "Subprocess",
      ]
    ),
  ]

  private func sources(_ folder: String, _ endings: Set<String> = ["swift"]) throws -> [Source] {
    let base = Self.root.appendingPathComponent(folder)
    let files = try XCTUnwrap(FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil))
    let found = try files.compactMap { $0 as? URL }.filter { endings.contains($0.pathExtension) }.map {
      Source(
        path: String($0.path.dropFirst(Self.root.path.count + 1)),
        text: try String(contentsOf: $0, encoding: .utf8))
    }
    XCTAssertFalse(found.isEmpty, "nothing found in \(folder)")
    return found
  }

  private func imports(of source: Source) -> [String] {
    source.lines.compactMap { line in
      guard
        let range = line.range(
          of: #"^(@\S+ )*((public|package|internal|private) )?import "#, options: .regularExpression)
      else { return nil }
      let words = line[range.upperBound...].split(separator: " ")
      // "import class Module.Name" as well as "import Module".
      return words.last.map { String($0.prefix { $0 != "." }) }
    }
  }

  func testEachTargetImportsWhatItMay() throws {
    let standard: Set = ["Glibc", "Synchronization"]
    let allowed: [(folder: String, modules: Set<String>)] = [
      ("Sources/MultiprocessingEngine", standard.union(["CMultiprocessing", "Runtime"])),
      ("Sources/Multiprocessing", standard.union(["MultiprocessingEngine", "_Concurrency"])),
      ("Sources/TraceReading", []),
      ("Sources/mptrace", ["Glibc", "TraceReading"]),
      ("Sources/Endurance", standard),
      ("Sources/mpstress", standard.union(["CMultiprocessing", "Multiprocessing", "Endurance"])),
      ("Samples", ["Multiprocessing", "Glibc"]),
    ]
    for (folder, modules) in allowed {
      for source in try sources(folder) {
        let foreign = imports(of: source).filter { !modules.contains($0) }
        XCTAssertEqual(foreign, [], "\(source.path) may not import these")
      }
    }
  }

  func testThePackageDependsOnNoOther() throws {
    let manifest = try String(contentsOf: Self.root.appendingPathComponent("Package.swift"), encoding: .utf8)
    XCTAssertFalse(manifest.contains(".package("))
  }

  func testFloorsUseOnlyWhatLiesBelow() throws {
    for (house, floors) in Self.houses {
      var declared: [(floor: Int, name: String)] = []
      for (level, floor) in floors.enumerated() {
        for source in try sources("\(house)/\(floor)") {
          declared += declarations(in: source).map { (level, $0) }
        }
      }
      XCTAssertGreaterThan(declared.count, floors.count)
      for (level, floor) in floors.enumerated() {
        for source in try sources("\(house)/\(floor)") {
          let words = Set(code(of: source).split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
          let above = declared.filter { $0.floor > level && words.contains($0.name) }.map(\.name)
          XCTAssertEqual(above, [], "\(source.path) uses what lies above it")
        }
      }
    }
  }

  func testEveryFolderIsAFloor() throws {
    for (house, floors) in Self.houses {
      let entries = try FileManager.default.contentsOfDirectory(atPath: Self.root.appendingPathComponent(house).path)
      XCTAssertEqual(
        Set(entries).subtracting(floors + ["Multiprocessing.docc"]), [], "a folder that no rule covers in \(house)")
    }
  }

  func testFilesAreShort() throws {
    for source in try sources("Sources", ["swift", "c", "h"]) + sources("Tests") + sources("Samples") {
      XCTAssertLessThanOrEqual(source.lines.count, 420, "\(source.path) holds more than one idea")
    }
    for source in try sources("Samples") {
      XCTAssertLessThanOrEqual(source.lines.count, 61, "\(source.path): a sample has at most 60 lines")
    }
  }

  func testPromisesToTheCompilerAreArguedFor() throws {
    for source in try sources("Sources") {
      for (index, line) in source.lines.enumerated()
      where line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") {
        let around = source.lines[max(0, index - 1)...min(index + 1, source.lines.count - 1)]
        XCTAssertTrue(around.contains { $0.contains("//") }, "\(source.path):\(index + 1) gives no reason")
      }
    }
  }

  /// Top-level types and functions that other files can see.
  private func declarations(in source: Source) -> [String] {
    source.lines.compactMap { line in
      let pattern = #"^((public|package|open|final|indirect) )*(struct|class|enum|protocol|actor|typealias) [A-Za-z_]+"#
      guard let range = line.range(of: pattern, options: .regularExpression) else { return nil }
      return line[range].split(separator: " ").last.map(String.init)
    }
  }

  /// The text without comments and string literals, in which names stand for nothing.
  private func code(of source: Source) -> String {
    source.lines.map { line in
      let bare = line.replacingOccurrences(of: #""[^"]*""#, with: "", options: .regularExpression)
      return bare.range(of: "//").map { String(bare[..<$0.lowerBound]) } ?? bare
    }.joined(separator: "\n")
  }
}
