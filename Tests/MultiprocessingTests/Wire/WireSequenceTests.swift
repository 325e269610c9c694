import XCTest

@testable import Multiprocessing

final class WireSequenceTests: XCTestCase {
  private func roundTrip<each A: Codable>(_ value: repeat each A) throws -> (repeat each A) {
    let encoder = WireEncoder()
    repeat try encoder.append(each value)
    return try encoder.bytes.withUnsafeBytes { bytes in
      try Wire.withDecoder(for: bytes) { decoder in (repeat try decoder.next((each A).self)) }
    }
  }

  func testArgumentsInOrder() throws {
    let long = [Double](repeating: 1.5, count: 10_000)
    let (a, b, c, d) = try roundTrip(1, "two", long, WireRecord.sample)
    XCTAssertEqual(a, 1)
    XCTAssertEqual(b, "two")
    XCTAssertEqual(c, long)
    XCTAssertEqual(d, .sample)
  }

  func testValuesLeftUnreadThrow() throws {
    let encoder = WireEncoder()
    try encoder.append(1)
    try encoder.append(2)
    try encoder.bytes.withUnsafeBytes { bytes in
      XCTAssertThrowsError(try Wire.withDecoder(for: bytes) { try $0.next(Int.self) }) {
        XCTAssertEqual($0.wireCase, "dataCorrupted")
      }
      XCTAssertThrowsError(
        try Wire.withDecoder(for: bytes) { decoder in
          for _ in 0..<3 { _ = try decoder.next(Int.self) }
        })
    }
    XCTAssertThrowsError(try Wire.decode(Int.self, from: [0x81, 0x82]))
    XCTAssertThrowsError(try Wire.decode(Int.self, from: []))
    XCTAssertNoThrow(try Wire.withDecoder(for: UnsafeRawBufferPointer(start: nil, count: 0)) { _ in })
  }

  func testFailedAppendLeavesTheOthers() throws {
    let encoder = WireEncoder()
    try encoder.append("before")
    XCTAssertThrowsError(
      try encoder.append(
        WireEncodes { encoder in
          var container = encoder.unkeyedContainer()
          try container.encode([UInt8](repeating: 0, count: 5000))
          _ = encoder.container(keyedBy: WireAnyKey.self)
        }))
    try encoder.append("after")
    XCTAssertEqual(encoder.bytes, try Wire.encode("before") + Wire.encode("after"))
  }

  func testUserInfo() throws {
    let key = CodingUserInfoKey(rawValue: "key")!
    let value = WireEncodes { encoder in
      XCTAssertEqual(encoder.userInfo[key] as? Int, 7)
      var container = encoder.unkeyedContainer()
      try container.encode(WireEncodes { XCTAssertEqual($0.userInfo[key] as? Int, 7) })
      XCTAssertEqual(container.superEncoder().userInfo[key] as? Int, 7)
    }
    _ = try Wire.encode(value, userInfo: [key: 7])
    let body: WireDecodes.Body = { decoder in
      XCTAssertEqual(decoder.userInfo[key] as? Int, 8)
      var container = try decoder.unkeyedContainer()
      XCTAssertEqual(try container.superDecoder().userInfo[key] as? Int, 8)
    }
    _ = try Wire.decode(WireDecodes.self, from: Wire.encode([1]), userInfo: [key: 8, WireDecodes.key: body])
  }

  /// A stand-in for the handles of shared objects: only this coder can carry them.
  private struct Handle: Codable, Equatable {
    var descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    init(from decoder: any Decoder) throws {
      guard let wire = decoder as? WireValueDecoder else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "Another coder."))
      }
      guard case .inherited(let raw) = try wire.descriptor(at: wire.singleValueContainer().decode(Int.self)) else {
        throw WireFault.mismatch
      }
      descriptor = raw
    }

    func encode(to encoder: any Encoder) throws {
      guard let wire = encoder as? WireValueEncoder else {
        throw EncodingError.invalidValue(
          self, .init(codingPath: encoder.codingPath, debugDescription: "Another coder."))
      }
      var container = wire.singleValueContainer()
      try container.encode(wire.attach(descriptor: descriptor))
    }
  }

  func testDescriptors() throws {
    let encoder = WireEncoder(carriesDescriptors: true)
    try encoder.append(["a": [Handle(5)]])
    XCTAssertThrowsError(
      try encoder.append(
        WireEncodes { encoder in
          var container = encoder.unkeyedContainer()
          try container.encode(Handle(6))
          throw CancellationError()
        }))
    try encoder.append(Handle(7))
    XCTAssertEqual(encoder.descriptors, [5, 7])
    try encoder.bytes.withUnsafeBytes { bytes in
      try Wire.withDecoder(for: bytes, descriptors: .inherited([50, 70])) { decoder in
        XCTAssertEqual(try decoder.next([String: [Handle]].self), ["a": [Handle(50)]])
        XCTAssertEqual(try decoder.next(Handle.self), Handle(70))
      }
      XCTAssertThrowsError(
        try Wire.withDecoder(for: bytes, descriptors: .none) { try $0.next([String: [Handle]].self) }
      ) { XCTAssertEqual($0.wirePath, ["a", "Index 0"]) }
    }
    XCTAssertThrowsError(try Wire.encode([Handle(5)])) { XCTAssertEqual($0.wirePath, ["Index 0"]) }
    XCTAssertThrowsError(try JSONEncoder().encode([Handle(5)]))
    XCTAssertThrowsError(try Wire.decode(Handle.self, from: Wire.encode(-1)))
  }
}
