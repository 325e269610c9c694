import Foundation
import XCTest

/// What the documentation shows compiles: each example as a program of its own.
final class DocumentationTests: XCTestCase {
  private struct Example {
    let place: String
    let text: String
  }

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// What examples name without making it.
  private static let prelude = """
    let key: [UInt8] = [1, 2, 3]

    """

  private func files(in folder: String, ending: String) throws -> [(path: String, lines: [String])] {
    let base = Self.root.appendingPathComponent(folder)
    let found = try XCTUnwrap(FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil))
    return try found.compactMap { $0 as? URL }.filter { $0.pathExtension == ending }.map {
      let lines = try String(contentsOf: $0, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
      return (String($0.path.dropFirst(Self.root.path.count + 1)), lines.map(String.init))
    }
  }

  /// The fenced blocks of an article.
  private func articles() throws -> [Example] {
    try files(in: "Sources/Multiprocessing/Multiprocessing.docc", ending: "md").flatMap { path, lines in
      var examples: [Example] = []
      var block: [String]?
      for (index, line) in lines.enumerated() {
        if line == "```swift" {
          block = []
        } else if line == "```", let text = block {
          examples.append(Example(place: "\(path):\(index - text.count)", text: text.joined(separator: "\n")))
          block = nil
        } else {
          block?.append(line)
        }
      }
      return examples
    }
  }

  /// The indented blocks of the documentation of what is public: they follow an empty line, where the second line of a parameter follows
  /// its first.
  private func comments() throws -> [Example] {
    try files(in: "Sources/Multiprocessing", ending: "swift").flatMap { path, lines in
      var examples: [Example] = []
      var (blocks, block, isAfterEmptyLine) = ([Example](), [String](), false)
      for (index, line) in lines.enumerated() {
        let bare = line.drop { $0 == " " }
        let text = bare.hasPrefix("///") ? bare.dropFirst(3) : nil
        if let text, text.hasPrefix("     "), !block.isEmpty || isAfterEmptyLine {
          block.append(String(text.dropFirst(5)))
        } else if text == "", !block.isEmpty, lines[index + 1].contains("///     ") {
          block.append("")
        } else if !block.isEmpty {
          blocks.append(Example(place: "\(path):\(index - block.count + 1)", text: block.joined(separator: "\n")))
          block = []
        }
        isAfterEmptyLine = text == ""
        if text == nil, !bare.hasPrefix("@") {
          if bare.hasPrefix("public ") || bare.hasPrefix("open ") { examples += blocks }
          blocks = []
        }
      }
      return examples
    }
  }

  private func swiftc(_ arguments: [String]) throws -> (code: Int32, output: String) {
    let (compiler, pipe) = (Foundation.Process(), Pipe())
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments = ["swiftc"] + arguments
    compiler.standardOutput = pipe
    compiler.standardError = pipe
    compiler.standardInput = FileHandle.nullDevice
    try compiler.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    compiler.waitUntilExit()
    return (compiler.terminationStatus, output)
  }

  func testExamplesCompile() throws {
    let examples = try articles() + comments()
    XCTAssertGreaterThan(examples.count, 20)
    let build = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let binaries = URL(fileURLWithPath: build).deletingLastPathComponent().path
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("examples-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let prelude = folder.appendingPathComponent("Prelude.swift")
    try Self.prelude.write(to: prelude, atomically: true, encoding: .utf8)
    let main = folder.appendingPathComponent("main.swift")
    for example in examples {
      let text =
        example.text.contains("import Multiprocessing") ? example.text : "import Multiprocessing\n" + example.text
      try text.write(to: main, atomically: true, encoding: .utf8)
      let (code, output) = try swiftc(
        ["-typecheck", "-swift-version", "6", "-warnings-as-errors", "-I", "\(binaries)/Modules"]
          + ["-I", "\(binaries)/CMultiprocessing.build", main.path, prelude.path])
      XCTAssertEqual(code, 0, "\(example.place):\n\(output)")
    }
  }
}
