import XCTest

@testable import Multiprocessing

final class WireRoundTripTests: XCTestCase {
  private func check<T: Codable & Equatable>(_ value: T, file: StaticString = #filePath, line: UInt = #line)
    throws
  {
    XCTAssertEqual(try Wire.decode(T.self, from: Wire.encode(value)), value, file: file, line: line)
    // The same as element, as entry, and as optional, where generic code stands between.
    XCTAssertEqual(
      try Wire.decode([T].self, from: Wire.encode([value, value])), [value, value], file: file, line: line)
    XCTAssertEqual(
      try Wire.decode([String: T].self, from: Wire.encode(["k": value])), ["k": value], file: file, line: line
    )
    XCTAssertEqual(
      try Wire.decode(T?.self, from: Wire.encode(Optional(value))), value, file: file, line: line)
    XCTAssertEqual(
      try Wire.decode(Box<T>.self, from: Wire.encode(Box(value: value))), Box(value: value), file: file,
      line: line)
  }

  private struct Box<T: Codable & Equatable>: Codable, Equatable {
    var value: T
    var absent: T?
  }

  private func checkIntegers<I: FixedWidthInteger & Codable>(_ type: I.Type) throws {
    var values: Set<I> = [0, 1, 127, .min, .max]
    for shift in stride(from: 0, to: I.bitWidth, by: 1) {
      let power = I(truncatingIfNeeded: 1 as UInt8) << I(truncatingIfNeeded: shift)
      values.formUnion([power, power &- 1, power &+ 1, 0 &- power, 0 &- power &- 1])
    }
    for value in values {
      XCTAssertEqual(try Wire.decode(I.self, from: Wire.encode(value)), value)
    }
    try check(Array(values))
    try check(values)
    try check(I.max)
  }

  func testIntegers() throws {
    try checkIntegers(Int8.self)
    try checkIntegers(Int16.self)
    try checkIntegers(Int32.self)
    try checkIntegers(Int64.self)
    try checkIntegers(Int128.self)
    try checkIntegers(Int.self)
    try checkIntegers(UInt8.self)
    try checkIntegers(UInt16.self)
    try checkIntegers(UInt32.self)
    try checkIntegers(UInt64.self)
    try checkIntegers(UInt128.self)
    try checkIntegers(UInt.self)
  }

  func testIntegersOfAnotherWidth() throws {
    XCTAssertEqual(try Wire.decode(Int8.self, from: Wire.encode(UInt64(100))), 100)
    XCTAssertEqual(try Wire.decode(UInt128.self, from: Wire.encode(Int8(5))), 5)
    XCTAssertEqual(try Wire.decode(Int128.self, from: Wire.encode(UInt64.max)), Int128(UInt64.max))
    XCTAssertEqual(try Wire.decode(Int.self, from: Wire.encode(Int128(-70_000))), -70_000)
    XCTAssertEqual(try Wire.decode([UInt8].self, from: Wire.encode([1, 2, 255] as [Int])), [1, 2, 255])
    XCTAssertEqual(try Wire.decode([Int].self, from: Wire.encode([1, 2, 255] as [UInt8])), [1, 2, 255])
    XCTAssertEqual(try Wire.decode(Set<Int>.self, from: Wire.encode([1, 2] as [Int16])), [1, 2])
    XCTAssertEqual(try Wire.decode([Int].self, from: Wire.encode(Set([7]))), [7])
    XCTAssertThrowsError(try Wire.decode(Int8.self, from: Wire.encode(128)))
    XCTAssertThrowsError(try Wire.decode(UInt.self, from: Wire.encode(-1)))
    XCTAssertThrowsError(try Wire.decode([Int8].self, from: Wire.encode([1000])))
  }

  func testFloatingPointBitForBit() throws {
    let doubles: [Double] = [
      0, -0.0, .infinity, -.infinity, .pi, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .nan,
      .signalingNaN,
      Double(nan: 0x1234, signaling: false), Double(nan: 0x77, signaling: true), -Double.nan,
    ]
    let floats: [Float] = [0, -0.0, .infinity, .nan, .signalingNaN, Float(nan: 0x123, signaling: true), .pi]
    let halves: [Float16] = [
      0, -0.0, .infinity, .nan, .signalingNaN, Float16(nan: 0x12, signaling: true), .pi,
    ]
    XCTAssertEqual(
      try Wire.decode([Double].self, from: Wire.encode(doubles)).map(\.bitPattern), doubles.map(\.bitPattern))
    XCTAssertEqual(
      try Wire.decode([Float].self, from: Wire.encode(floats)).map(\.bitPattern), floats.map(\.bitPattern))
    XCTAssertEqual(
      try Wire.decode([Float16].self, from: Wire.encode(halves)).map(\.bitPattern), halves.map(\.bitPattern))
    for double in doubles {
      XCTAssertEqual(try Wire.decode(Double.self, from: Wire.encode(double)).bitPattern, double.bitPattern)
      let optional = try Wire.decode([Double?].self, from: Wire.encode([double, nil]))
      XCTAssertEqual(optional.map { $0?.bitPattern }, [double.bitPattern, nil])
    }
    for float in floats {
      XCTAssertEqual(try Wire.decode(Float.self, from: Wire.encode(float)).bitPattern, float.bitPattern)
    }
    for half in halves {
      XCTAssertEqual(try Wire.decode(Float16.self, from: Wire.encode(half)).bitPattern, half.bitPattern)
    }
    // Another width is accepted if it has the number.
    XCTAssertEqual(try Wire.decode(Float.self, from: Wire.encode(0.5)), 0.5)
    XCTAssertEqual(try Wire.decode(Double.self, from: Wire.encode(Float16(0.5))), 0.5)
    XCTAssertTrue(try Wire.decode(Float.self, from: Wire.encode(Double.nan)).isNaN)
    XCTAssertThrowsError(try Wire.decode(Float.self, from: Wire.encode(0.1)))
    XCTAssertEqual(try Wire.decode([Float].self, from: Wire.encode([0.5, 2] as [Double])), [0.5, 2])
  }

  func testStrings() throws {
    let strings = [
      "", "a", "\0", "a\0b", "테스트입니다", "é", "e\u{301}", "😀👩‍👩‍👧", "\u{FEFF}bom",
      "\u{D7FF}\u{E000}\u{FFFF}\u{10FFFF}",
      "\r\n", String(repeating: "x", count: 63), String(repeating: "x", count: 64),
      String(repeating: "ü", count: 5000), String(repeating: "z", count: 4095),
      String(repeating: "z", count: 4096),
    ]
    for string in strings {
      let decoded = try Wire.decode(String.self, from: Wire.encode(string))
      // `==` takes canonical equivalents for equal; the scalars must be the same too.
      XCTAssertEqual(Array(decoded.unicodeScalars), Array(string.unicodeScalars))
      try check(string)
    }
    try check(strings)
    try check(Dictionary(uniqueKeysWithValues: Set(strings).map { ($0, $0) }))
  }

  func testArraysOfNumbers() throws {
    for count in [0, 1, 2, 1000, 4096, 10_000] {
      try check((0..<count).map { UInt8(truncatingIfNeeded: $0) })
      try check((0..<count).map { Int128($0) << 70 })
      try check((0..<count).map { Double($0) / 3 })
      try check((0..<count).map { $0 % 3 == 0 })
      try check((0..<count).map { Float16($0 % 100) })
    }
    try check([[1.5, 2.5], [], [3.5]])
    try check(["a": [1, 2, 3], "b": []])
    try check([[UInt16](repeating: 7, count: 5000), nil, []])
  }

  /// Long payloads are put in their places at the end; what lies around them must not move.
  func testLongPayloadsAmongOthers() throws {
    struct Mixed: Codable, Equatable {
      var before: Int
      var doubles: [Double]
      var text: String
      var shapes: [WireShape]
      var inner: [String: [Int32]]
      var after: String
    }
    let long = (0..<3000).map(Double.init)
    let name = String(repeating: "long ", count: 2000)
    let points = (0..<600).map { WirePoint(x: Double($0), y: 0) }
    try check(
      Mixed(
        before: 1, doubles: long, text: name,
        shapes: [.named(name: name, inner: points), .nothing, .named(name: "", inner: nil)],
        inner: ["a": [Int32](repeating: 1, count: 9000), "b": [], "c": [Int32](repeating: 2, count: 2000)],
        after: "end"))
  }

  func testOptionals() throws {
    try check(Int?.none)
    try check([1, nil, 3] as [Int?])
    try check(["a": nil, "b": 1] as [String: Int?])
    let nested: [Int???] = [nil, .some(nil), .some(.some(nil)), 5]
    XCTAssertEqual(try Wire.decode([Int???].self, from: Wire.encode(nested)), nested)
    for value in nested {
      XCTAssertEqual(try Wire.decode(Int???.self, from: Wire.encode(value)), value)
      XCTAssertEqual(
        try Wire.decode(Box<Int???>.self, from: Wire.encode(Box(value: value))), Box(value: value))
    }
    // A property of type Int?? is encoded by `encodeIfPresent`.
    struct Property: Codable, Equatable {
      var value: Int??
    }
    for value in [nil, .some(nil), 5] as [Int??] {
      let property = Property(value: value)
      XCTAssertEqual(try Wire.decode(Property.self, from: Wire.encode(property)), property)
    }
    // By hand: an optional is encoded as such, and asked for by `decodeNil`.
    struct Wrapper: Codable, Equatable {
      var value: Int?
      init(_ value: Int?) { self.value = value }
      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        value = container.decodeNil() ? nil : try container.decode(Int.self)
      }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
      }
    }
    XCTAssertEqual(try Wire.decode(Wrapper.self, from: Wire.encode(Wrapper(nil))), Wrapper(nil))
    XCTAssertEqual(try Wire.decode(Wrapper.self, from: Wire.encode(Wrapper(1))), Wrapper(1))
    XCTAssertEqual(try Wire.decode([Wrapper].self, from: Wire.encode([Wrapper(nil)])), [Wrapper(nil)])
  }

  func testEnumsAndStructs() throws {
    try check(WireEmpty())
    try check(WireColor.green)
    for level in WireLevel.allCases { try check(level) }
    try check([WireShape.nothing, .circle(radius: 1), .rectangle(1, 2), .named(name: "é", inner: nil)])
    try check(WireList.node(1, .node(2, .end)))
    try check(WireRecord.sample)
    try check([[[[]]]] as [[[[Int]]]])
    try check((1 as Int)..<5)
    try check([1...2, 3...4])
  }

  func testDictionaries() throws {
    try check(["": 1, "a": 2])
    try check([1: "one", -2: "two"])
    try check([WireColor.red: 1, .green: 2])
    try check([WirePoint(x: 1, y: 2): "point"])
    try check([1.5: [1: ["x": 1]]])
    try check([true: [false: 1]])
    try check(Dictionary(uniqueKeysWithValues: (0..<3000).map { ("key \($0)", $0) }))
    try check(Dictionary(uniqueKeysWithValues: (0..<3000).map { ($0, Double($0)) }))
    try check(Set((0..<100).map { "\($0)" }))
  }

  func testClasses() throws {
    let dog = try Wire.decode(WireDog.self, from: Wire.encode(WireDog(legs: 4, name: "Rex")))
    XCTAssertEqual(dog.legs, 4)
    XCTAssertEqual(dog.name, "Rex")
  }

  /// A subclass that shares the container of its superclass can replace an entry: the last one counts.
  func testSharedContainerLastEntryCounts() throws {
    let cat = try Wire.decode(WireCat.self, from: Wire.encode(WireCat(legs: 4, name: "Tom")))
    XCTAssertEqual(cat.legs, 40)
    XCTAssertEqual(cat.name, "Tom")
  }

  func testGenericCode() throws {
    func both<each T: Codable & Equatable>(_ value: repeat each T) throws {
      repeat XCTAssertEqual(try Wire.decode((each T).self, from: Wire.encode(each value)), each value)
    }
    try both(1, "two", [3.0], [UInt8](repeating: 4, count: 5000), WireShape.nothing, ["five": [5]])
    let mixed: [any Codable] = [1, "two", [3.0]]
    for value in mixed { XCTAssertFalse(try Wire.encode(value).isEmpty) }
  }
}
