import Foundation
import XCTest

@testable import Multiprocessing

/// No input makes the decoder trap, and what it accepts is a value like any other.
///
/// `WIRE_RECORD_CORPUS` stores the subjects' encodings anew, for a change of format or another subject.
final class WireFuzzTests: FuzzTestCase {
  override class var subject: String { "wire" }

  private let subjects = Subject.all
  private var accepted = 0
  private var refused = 0

  private func attempt(_ subject: Subject, _ input: [UInt8], _ origin: @autoclosure () -> String) {
    do {
      try subject.decode(input)
      accepted += 1
    } catch is DecodingError {
      refused += 1
    } catch {
      XCTFail("\(origin()): \(error); input \(input)")
    }
  }

  // MARK: Stored inputs

  func testValidCorpusIsWhatTheEncoderWrites() throws {
    if ProcessInfo.processInfo.environment["WIRE_RECORD_CORPUS"] != nil { try WireCorpus.record(subjects) }
    let corpus = try WireCorpus()
    for subject in subjects {
      let stored = corpus.entries.filter { $0.isValid && $0.subject == subject.name }
      XCTAssertEqual(stored.map(\.bytes), try subject.encodedSamples(), subject.name)
      for entry in stored { XCTAssertNoThrow(try subject.decode(entry.bytes), entry.name) }
    }
  }

  func testHostileCorpusIsRefused() throws {
    let hostile = try WireCorpus().entries.filter { !$0.isValid }
    XCTAssertGreaterThan(hostile.count, 20)
    for entry in hostile {
      let subject = try XCTUnwrap(subjects.first { $0.name == entry.subject }, entry.name)
      XCTAssertThrowsError(try subject.decode(entry.bytes), entry.name) { XCTAssertTrue($0 is DecodingError) }
      for other in subjects { attempt(other, entry.bytes, "\(entry.name) as \(other.name)") }
    }
  }

  func testEveryBitOfTheCorpusFlipped() throws {
    // The longest one nests too deep, in which all bits are alike.
    for entry in try WireCorpus().entries where entry.bytes.count < 1000 {
      let flipped = subjects.filter { $0.name == entry.subject || $0.name == "Tree" || $0.name == "ByChoice" }
      for bit in 0..<entry.bytes.count * 8 {
        var input = entry.bytes
        input[bit / 8] ^= 1 << UInt8(bit % 8)
        for subject in flipped { attempt(subject, input, "\(entry.name) as \(subject.name), bit \(bit)") }
      }
    }
    XCTAssertGreaterThan(accepted, 1000)
    XCTAssertGreaterThan(refused, 1000)
  }

  // MARK: Random inputs

  /// Feeds random inputs to random subjects.
  private func run(_ input: (inout FuzzSource) -> [UInt8]) throws {
    try repeatedly(atLeast: 5000) { source in
      let bytes = input(&source)
      try note(bytes)
      for _ in 0..<4 {
        let subject = subjects[source.number(below: subjects.count)]
        attempt(subject, bytes, subject.name)
      }
    }
    XCTAssertGreaterThan(accepted, 20)
    XCTAssertGreaterThan(refused, 20)
  }

  func testMutatedInputs() throws {
    let corpus = try WireCorpus().entries.map(\.bytes)
    try run { source in source.mutated(corpus[source.number(below: corpus.count)], with: corpus) }
  }

  func testGeneratedInputs() throws {
    try run { source in
      let value = source.value()
      return source.chance(3) ? source.mutated(value, with: [value]) : value
    }
  }

  func testNoise() throws {
    try run { source in (0...source.number(below: 24)).map { _ in source.byte() } }
  }
}
