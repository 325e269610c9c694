import XCTest

@testable import Multiprocessing

/// Whoever changes these bytes changes the format, and has to raise the version that the frames carry.
final class WireFormatTests: XCTestCase {
  private func check<T: Encodable>(
    _ value: T, _ hex: String, file: StaticString = #filePath, line: UInt = #line
  ) throws {
    let expected = hex.filter { $0 != " " }
    let encoded = try Wire.encode(value).map { String(format: "%02X", Int($0)) }.joined()
    XCTAssertEqual(encoded, expected, file: file, line: line)
  }

  func testScalars() throws {
    try check(Int?.none, "01")
    try check(Int??.some(nil), "05 01")
    try check(false, "02")
    try check(true, "03")
    try check(WireEncodes { _ in }, "04")
    try check(0, "80")
    try check(127 as UInt8, "FF")
    try check(128, "20 80")
    try check(255 as Int16, "20 FF")
    try check(256, "21 0001")
    try check(65_536, "22 00000100")
    try check(4_294_967_296, "23 0000000001000000")
    try check(UInt128(1) << 64, "24 0000000000000000 0100000000000000")
    try check(-1, "25 FF")
    try check(-129, "26 7FFF")
    try check(-32_769, "27 FF7FFFFF")
    try check(Int64.min, "28 0000000000000080")
    try check(Int128.min, "29 0000000000000000 0000000000000080")
    try check(Float16(1), "2A 003C")
    try check(Float(1), "2B 0000803F")
    try check(1.0, "2C 000000000000F03F")
  }

  func testStrings() throws {
    try check("", "40")
    try check("a", "41 61")
    try check("한", "43 ED959C")
    try check(String(repeating: "a", count: 64), "08 40" + String(repeating: "61", count: 64))
    try check(String(repeating: "a", count: 300), "08 AC02" + String(repeating: "61", count: 300))
    try check(String(repeating: "a", count: 5000), "08 8827" + String(repeating: "61", count: 5000))
  }

  func testArraysOfNumbers() throws {
    try check([UInt8](), "30 00")
    try check([1, 2] as [UInt8], "30 02 0102")
    try check([1] as [Int], "38 01 0100000000000000")
    try check([1] as [UInt], "33 01 0100000000000000")
    try check([true, false], "3D 02 0100")
    try check([1.0], "3C 01 000000000000F03F")
  }

  func testContainers() throws {
    try check([String](), "0C 04000000000000 00000000")
    try check(["a", "b"], "0C 08000000000000 02000000 4161 4162")
    try check([String: Int](), "0A 00000000000000")
    try check(["k": 1], "0A 03000000000000 016B 81")
    try check(WirePoint(x: 1, y: 2), "0A 16000000000000 0178 2C000000000000F03F 0179 2C0000000000000040")
    try check(WireShape.nothing, "0A 10000000000000 076E6F7468696E67 0A00000000000000")
    try check(
      WireEncodes { encoder in
        var container = encoder.container(keyedBy: WireAnyKey.self)
        try container.encode(1, forKey: "k")
        try container.encode(2, forKey: "k")
      }, "0B 06000000000000 016B 81 016B 82")
  }
}
