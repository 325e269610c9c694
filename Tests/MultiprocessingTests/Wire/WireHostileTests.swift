import XCTest

@testable import Multiprocessing

/// Bytes that no encoder writes: they throw, and neither trap nor ask for memory by a length that nobody has checked.
final class WireHostileTests: XCTestCase {
  private func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.filter { $0 != " " }.map { UInt8($0.hexDigitValue!) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private func checkCorrupted<T: Decodable>(
    _ type: T.Type, _ encoded: [UInt8], _ what: String = "", file: StaticString = #filePath,
    line: UInt = #line
  ) {
    XCTAssertThrowsError(try Wire.decode(type, from: encoded), what, file: file, line: line) {
      XCTAssertEqual($0.wireCase, "dataCorrupted", what, file: file, line: line)
    }
  }

  func testEveryPrefixThrows() throws {
    func check<T: Codable>(_ value: T) throws {
      let encoded = try Wire.encode(value)
      var thrown = 0
      for length in 0..<encoded.count {
        XCTAssertThrowsError(
          try Wire.decode(T.self, from: Array(encoded[..<length])), "\(T.self), \(length) bytes"
        ) {
          XCTAssertEqual($0.wireCase, "dataCorrupted")
          thrown += 1
        }
      }
      XCTAssertEqual(thrown, encoded.count)
      XCTAssertNoThrow(try Wire.decode(T.self, from: encoded))
    }
    try check(1)
    try check(-1_000_000)
    try check(Int128.max)
    try check(Double.pi)
    try check("text")
    try check(String(repeating: "long", count: 100))
    try check([UInt8](repeating: 3, count: 200))
    try check([1.5, 2.5])
    try check(["a", "b"])
    try check(["a": 1, "b": 2])
    try check([1: [2: "three"]])
    try check(Int???.some(.some(nil)))
    try check(WireEmpty())
    try check(WireRecord.sample)
    try check([WireRecord.sample, .sample])
    try check(WireShape.named(name: "x", inner: [WirePoint(x: 1, y: 2)]))
    try check(WireList.node(1, .node(2, .end)))
    try check(WireDog(legs: 4, name: "Rex"))
    try check(WireCat(legs: 4, name: "Tom"))
    try check(Dictionary(uniqueKeysWithValues: (0..<50).map { ("\($0)", $0) }))
  }

  func testEveryLengthFieldIsChecked() {
    // Each of these stands where a length does; the longest would wrap around when something is added to it.
    let lengths = [
      "05", "7F", "FFFFFFFF0F", "FFFFFFFFFFFFFFFF7F", "FFFFFFFFFFFFFFFFFF01", "80808080808080808080808001",
      "FEFFFFFFFFFFFFFF7F", "80",
    ]
    for length in lengths {
      checkCorrupted(String.self, bytes("08 \(length) 61626364"), "string of length \(length)")
      checkCorrupted(
        [String: Int].self, bytes("0A 06000000000000 \(length) 61 81 8181"), "key of length \(length)")
      for kind in 0..<16 {
        let tag = String(0x30 + kind, radix: 16)
        checkCorrupted([Int].self, bytes("\(tag) \(length) 00"), "numbers of kind \(kind), count \(length)")
        checkCorrupted([UInt8].self, bytes("\(tag) \(length) 00"), "numbers of kind \(kind), count \(length)")
        checkCorrupted([Bool].self, bytes("\(tag) \(length) 00"), "numbers of kind \(kind), count \(length)")
      }
    }
    for word in ["04000000000000", "FFFFFFFF000000", "FFFFFFFFFFFFFF", "F8FFFFFFFFFFFF", "00000000000080"] {
      checkCorrupted([String: Int].self, bytes("0A \(word) 016B81"), "keyed, length \(word)")
      checkCorrupted([String: Int].self, bytes("0B \(word) 016B81"), "keyed with repeats, length \(word)")
      checkCorrupted([String].self, bytes("0C \(word) 00"), "unkeyed, length \(word)")
    }
    for length in 0..<4 {
      checkCorrupted([String].self, bytes("0C 0\(length)000000000000") + [UInt8](repeating: 0, count: length))
    }
    for count in ["02000000", "FFFFFFFF", "FFFFFF7F", "00000000"] {
      checkCorrupted([String].self, bytes("0C 05000000000000 \(count) 40"), "unkeyed, count \(count)")
    }
    checkCorrupted([String].self, bytes("0C 0A000000000000 04000000 4161 4162 4163"), "fewer than the count")
    checkCorrupted([String].self, bytes("0C 0A000000000000 02000000 4161 4162 4163"), "more than the count")
    checkCorrupted(String.self, bytes("45 61"))
    checkCorrupted(Int.self, bytes("23 01"))
  }

  func testEveryTagAlone() {
    let complete: Set<UInt8> = Set([0x01, 0x02, 0x03, 0x04, 0x40] + Array(0x80...0xFF))
    for tag in UInt8.min...UInt8.max {
      let whole = complete.contains(tag)
      // An optional takes nil, and tells whether the bytes make up a value at all.
      XCTAssertThrowsError(try Wire.decode(WireRecord.self, from: [tag])) {
        XCTAssertEqual($0.wireCase == "dataCorrupted", !whole, "tag \(tag): \($0)")
      }
    }
  }

  func testValuesThatNoTypeHas() {
    checkCorrupted([Bool].self, bytes("3D 02 0102"))
    checkCorrupted([Bool].self, bytes("3D 01 FF"))
    checkCorrupted(Bool.self, bytes("2D 02"))
    checkCorrupted(Set<Bool>.self, bytes("3D 01 80"))
    XCTAssertEqual(try Wire.decode(Bool.self, from: bytes("2D 01")), true)
    checkCorrupted(Int??.self, bytes("05 81"))
    checkCorrupted(Int??.self, bytes("05"))
    checkCorrupted(Int??.self, bytes("05 05"))
    for text in [
      "80", "C0 80", "C1 BF", "E0 80 80", "ED A0 80", "ED BF BF", "F0 80 80 80", "F4 90 80 80", "F5 80 80 80",
      "FF",
      "C3", "E1 80", "F1 80 80", "61 FF",
    ] {
      let utf8 = bytes(text)
      checkCorrupted(String.self, [UInt8(0x40 + utf8.count)] + utf8, text)
      checkCorrupted(String.self, [0x08, UInt8(utf8.count)] + utf8, text)
      let long = [UInt8](repeating: 0x61, count: 100) + utf8
      checkCorrupted(String.self, [0x08, UInt8(long.count)] + long, text)
      let entry = [UInt8(utf8.count)] + utf8 + [0x81]
      let container = [0x0A, UInt8(entry.count), 0, 0, 0, 0, 0, 0] + entry
      checkCorrupted([String: Int].self, container, text)
    }
  }

  func testDeepNestingThrows() throws {
    var encoded: [UInt8] = [0x04]
    for _ in 0..<5000 {
      let entry = [0x01, 0x61] + encoded
      let length = UInt64(entry.count)
      encoded = [0x0A] + (0..<7).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + entry
    }
    struct Nest: Codable {
      var a: [String: Nest]?
    }
    final class Chain: Codable {
      let a: Chain?
    }
    checkCorrupted(Nest.self, encoded)
    checkCorrupted(Chain.self, encoded)
    // What nobody looks into does not matter.
    XCTAssertNoThrow(try Wire.decode(WireEmpty.self, from: encoded))
    // A chain of nils, a million deep, is one value.
    let nils = [UInt8](repeating: 0x05, count: 1_000_000) + [0x01]
    XCTAssertEqual(try Wire.decode(Int???.self, from: nils), .some(.some(nil)))
  }

  func testNumbersLieAnywhere() throws {
    let encoded = try Wire.encode(WireRecord.sample)
    for offset in 0..<32 {
      let moved = [UInt8](repeating: 0xFF, count: offset) + encoded
      try moved.withUnsafeBytes { bytes in
        let part = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        XCTAssertEqual(try Wire.decode(WireRecord.self, from: part), .sample)
      }
    }
  }

  /// Keys in the least favourable order, in containers of two sizes. Sixteen times as many may take sixteen times as
  /// long; if each key were searched for from the start it would be 256 times.
  func testLargeContainersTakeLinearTime() throws {
    func duration(_ count: Int, repeats: Int) throws -> Double {
      let names = (0..<count).map { "key \($0)" }
      // Processor time. `timespec` counts as another C module's, depending on what the other files import.
      let start = clock()
      var encoded = try Wire.encode(
        WireEncodes { encoder in
          var container = encoder.container(keyedBy: WireAnyKey.self)
          for _ in 0..<repeats {
            for name in names { try container.encode(1, forKey: WireAnyKey(stringValue: name)) }
            for name in names {
              _ = container.nestedUnkeyedContainer(forKey: WireAnyKey(stringValue: "n" + name))
            }
          }
        })
      // So many keys look like repeated ones to the encoder, and the decoder then makes its table in advance.
      XCTAssertEqual(encoded[0], WireTag.keyedWithRepeats)
      if repeats == 1 { encoded[0] = WireTag.keyed }
      let body: WireDecodes.Body = { decoder in
        let container = try decoder.container(keyedBy: WireAnyKey.self)
        XCTAssertEqual(container.allKeys.count, 2 * count)
        for name in names.reversed() {
          XCTAssertEqual(try container.decode(Int.self, forKey: WireAnyKey(stringValue: name)), 1)
          XCTAssertFalse(container.contains(WireAnyKey(stringValue: "absent " + name)))
        }
      }
      _ = try Wire.decode(WireDecodes.self, from: encoded, userInfo: [WireDecodes.key: body])
      return Double(clock() - start)
    }
    for repeats in [1, 2] {
      let few = try duration(400, repeats: repeats)
      let many = try duration(6400, repeats: repeats)
      XCTAssertLessThan(many, few * 100)
    }
  }
}
