import TestSupport
import XCTest

@testable import Multiprocessing

final class WireMessageCoderTests: XCTestCase {
  private struct Record: Codable, Equatable {
    var name: String
    var numbers: [Int]
    var inner: [[String: Double]]
  }

  private func roundTrip<Value: Codable>(_ value: Value, _ coder: WireMessageCoder<Value>) throws -> Value {
    var bytes: [UInt8] = []
    try coder.encode(value) { bytes = Array($0) }
    XCTAssertEqual(bytes, try Wire.encode(value))
    return try coder.decode { message in bytes.withUnsafeBytes { message.copy($0) } }
  }

  func testOneMessageAfterAnother() throws {
    let records = WireMessageCoder<Record>()
    let arrays = WireMessageCoder<[UInt8]>()
    let texts = WireMessageCoder<String>()
    for size in [0, 3, 100, 5000, 200_000, 1] {
      let record = Record(name: "\(size)", numbers: Array(0..<size), inner: [["a": Double(size)], [:]])
      XCTAssertEqual(try roundTrip(record, records), record)
      let array = [UInt8](repeating: 7, count: size)
      XCTAssertEqual(try roundTrip(array, arrays), array)
      let text = String(repeating: "글", count: size)
      XCTAssertEqual(try roundTrip(text, texts), text)
    }
  }

  func testAnErrorLeavesNothingBehind() throws {
    struct Refusal: Error {}
    struct Picky: Codable, Equatable {
      var number: Int
      init(_ number: Int) { self.number = number }
      init(from decoder: any Decoder) throws {
        number = try decoder.singleValueContainer().decode(Int.self)
        if number == 13 { throw Refusal() }
      }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if number < 0 { throw Refusal() }
        try container.encode(number)
      }
    }
    let coder = WireMessageCoder<Picky>()
    XCTAssertThrowsError(try roundTrip(Picky(-1), coder))
    XCTAssertThrowsError(try roundTrip(Picky(13), coder))
    XCTAssertEqual(try roundTrip(Picky(5), coder), Picky(5))
    let numbers = WireMessageCoder<Int>()
    XCTAssertThrowsError(try numbers.decode { $0.copy(UnsafeRawBufferPointer(start: nil, count: 0)) })
    let twice = try Wire.encode(1) + Wire.encode(2)
    XCTAssertThrowsError(try numbers.decode { message in twice.withUnsafeBytes { message.copy($0) } })
    XCTAssertThrowsError(try numbers.decode { _ in throw Refusal() })
    XCTAssertEqual(try roundTrip(3, numbers), 3)
  }

  /// Encoders and decoders that their values keep must not be at work for the next message.
  func testWhatAValueKeepsIsNotUsedAgain() throws {
    final class Shelf: @unchecked Sendable {
      // Sendable: used by one thread.
      var encoders: [any Encoder] = []
      var decoders: [any Decoder] = []
    }
    struct Keeper: Codable, Equatable {
      static let shelf = Shelf()
      var text: String
      init(_ text: String) { self.text = text }
      init(from decoder: any Decoder) throws {
        Self.shelf.decoders.append(decoder)
        text = try decoder.singleValueContainer().decode(String.self)
      }
      func encode(to encoder: any Encoder) throws {
        Self.shelf.encoders.append(encoder)
        var container = encoder.singleValueContainer()
        try container.encode(text)
      }
    }
    let coder = WireMessageCoder<Keeper>()
    for number in 0..<5 { XCTAssertEqual(try roundTrip(Keeper("text \(number)"), coder), Keeper("text \(number)")) }
    for encoder in Keeper.shelf.encoders {
      var container = encoder.unkeyedContainer()
      try? container.encode("a latecomer")
    }
    for decoder in Keeper.shelf.decoders {
      XCTAssertThrowsError(try decoder.singleValueContainer().decode(String.self), "its bytes are gone")
    }
    XCTAssertEqual(try roundTrip(Keeper("last"), coder), Keeper("last"))
  }

  func testAValueMayCodeOthersOfItsType() throws {
    struct Nest: Codable, Equatable {
      static let coder = WireMessageCoder<Nest>()
      var depth: Int
      init(_ depth: Int) { self.depth = depth }
      init(from decoder: any Decoder) throws {
        let inner = try decoder.singleValueContainer().decode([UInt8].self)
        depth = inner.isEmpty ? 0 : 1 + (try Self.coder.decode { m in inner.withUnsafeBytes { m.copy($0) } }.depth)
      }
      func encode(to encoder: any Encoder) throws {
        var inner: [UInt8] = []
        if depth > 0 { try Self.coder.encode(Nest(depth - 1)) { inner = Array($0) } }
        var container = encoder.singleValueContainer()
        try container.encode(inner)
      }
    }
    XCTAssertEqual(try roundTrip(Nest(4), Nest.coder), Nest(4))
  }

  func testThreadsShareIt() {
    let coder = WireMessageCoder<[Int]>()
    let wrong = concurrently(4) { number -> Int in
      (0..<2000).reduce(0) { wrong, round in
        let value = Array(0..<(round % 50 + number))
        var bytes: [UInt8] = []
        try? coder.encode(value) { bytes = Array($0) }
        let back = try? coder.decode { message in bytes.withUnsafeBytes { message.copy($0) } }
        return wrong + (back == value ? 0 : 1)
      }
    }
    XCTAssertEqual(wrong, [0, 0, 0, 0])
  }
}
