import Foundation
import XCTest

/// The stored inputs: `valid-<subject>-<number>.wire`, which the subject encodes as just these bytes, and
/// `hostile-<subject>-<what>.wire`, which the subject must refuse.
struct WireCorpus {
  struct Entry {
    let name: String
    let bytes: [UInt8]
    let isValid: Bool
    let subject: String
  }

  static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")

  let entries: [Entry]

  init() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path).filter {
      $0.hasSuffix(".wire")
    }
    entries = try names.sorted().map { name in
      let parts = name.split(separator: "-")
      return Entry(
        name: name, bytes: [UInt8](try Data(contentsOf: Self.directory.appending(path: name))),
        isValid: parts[0] == "valid", subject: String(parts[1]))
    }
  }

  /// Stores what the subjects encode their samples as.
  static func record(_ subjects: [Subject]) throws {
    for subject in subjects {
      for (index, bytes) in try subject.encodedSamples().enumerated() {
        try Data(bytes).write(to: directory.appending(path: "valid-\(subject.name)-\(index).wire"))
      }
    }
  }
}
