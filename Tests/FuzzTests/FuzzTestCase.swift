import Foundation
import TestSupport
import XCTest

/// A test that feeds inputs at random for a few seconds.
///
/// `<SUBJECT>_FUZZ_SEED` and `<SUBJECT>_FUZZ_SECONDS` repeat and prolong it. Should the process crash, its last input is in
/// `<subject>-fuzz-last-input` in the temporary folder: it belongs in the corpus.
class FuzzTestCase: AuditedTestCase {
  /// What is fed, in lower case.
  class var subject: String { "" }

  override var patience: Double { (setting("SECONDS", Double.init) ?? 2) * 2 + 300 }

  private var lastInput: FileHandle?

  private func setting<Value>(_ name: String, _ parse: (String) -> Value?) -> Value? {
    ProcessInfo.processInfo.environment["\(Self.subject.uppercased())_FUZZ_\(name)"].map { text in
      guard let value = parse(text) else { fatalError("\(Self.subject.uppercased())_FUZZ_\(name) is \(text)") }
      return value
    }
  }

  /// Calls `body` for two seconds or as long as asked, but `least` times.
  func repeatedly(atLeast least: Int = 300, _ body: (inout FuzzSource) throws -> Void) throws {
    let seed = setting("SEED", UInt64.init) ?? 20_240_607
    let seconds = setting("SECONDS", Double.init) ?? 2
    print("\(name): \(Self.subject.uppercased())_FUZZ_SEED=\(seed)")
    let file = FileManager.default.temporaryDirectory.appending(path: "\(Self.subject)-fuzz-last-input")
    XCTAssertTrue(FileManager.default.createFile(atPath: file.path, contents: nil))
    lastInput = try FileHandle(forWritingTo: file)
    defer {
      XCTAssertNoThrow(try lastInput?.close())
      lastInput = nil
    }
    var source = FuzzSource(seed: seed)
    let end = ContinuousClock.now + .seconds(seconds)
    var rounds = 0
    while ContinuousClock.now < end || rounds < least {
      try body(&source)
      rounds += 1
    }
    print("\(name): \(rounds) inputs")
  }

  /// To be called with each input, before it is fed.
  func note(_ input: [UInt8]) throws {
    try lastInput?.truncate(atOffset: 0)
    try lastInput?.write(contentsOf: input)
  }
}

/// The stored inputs: `Corpus/NAME.<kind>`.
enum FuzzCorpus {
  struct Entry {
    /// Without the kind.
    let name: String
    let bytes: [UInt8]
  }

  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")

  static func entries(_ kind: String) throws -> [Entry] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix("." + kind) }
    return try names.sorted().map { name in
      Entry(
        name: String(name.dropLast(kind.count + 1)),
        bytes: [UInt8](try Data(contentsOf: folder.appending(path: name))))
    }
  }

  static func store(_ bytes: [UInt8], _ name: String, _ kind: String) throws {
    try Data(bytes).write(to: folder.appending(path: "\(name).\(kind)"))
  }
}
