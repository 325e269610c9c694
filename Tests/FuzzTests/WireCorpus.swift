/// The stored inputs: `valid-<subject>-<number>.wire`, which the subject encodes as just these bytes, and
/// `hostile-<subject>-<what>.wire`, which the subject must refuse.
struct WireCorpus {
  struct Entry {
    let name: String
    let bytes: [UInt8]
    let isValid: Bool
    let subject: String
  }

  let entries: [Entry]

  init() throws {
    entries = try FuzzCorpus.entries("wire").map { entry in
      let parts = entry.name.split(separator: "-")
      return Entry(name: entry.name, bytes: entry.bytes, isValid: parts[0] == "valid", subject: String(parts[1]))
    }
  }

  /// Stores what the subjects encode their samples as.
  static func record(_ subjects: [Subject]) throws {
    for subject in subjects {
      for (index, bytes) in try subject.encodedSamples().enumerated() {
        try FuzzCorpus.store(bytes, "valid-\(subject.name)-\(index)", "wire")
      }
    }
  }
}
