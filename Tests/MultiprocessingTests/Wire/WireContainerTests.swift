import XCTest

@testable import Multiprocessing

/// What the containers promise to a type that encodes and decodes itself by hand.
final class WireContainerTests: XCTestCase {
  func testKeyedDecodingInAnyOrder() throws {
    let count = 100
    let encoded = try encode { encoder in
      var container = encoder.container(keyedBy: WireAnyKey.self)
      for index in 0..<count { try container.encode(index, forKey: WireAnyKey(stringValue: "k\(index)")) }
    }
    for step in [1, 7, 33, 99] {
      decode(encoded) { decoder in
        let container = try decoder.container(keyedBy: WireAnyKey.self)
        XCTAssertEqual(container.allKeys.map(\.stringValue), (0..<count).map { "k\($0)" })
        for turn in 0..<count {
          let index = turn * step % count
          let key = WireAnyKey(stringValue: "k\(index)")
          XCTAssertTrue(container.contains(key))
          XCTAssertFalse(container.contains(WireAnyKey(stringValue: "j\(index)")))
          XCTAssertFalse(try container.decodeNil(forKey: key))
          XCTAssertEqual(try container.decode(Int.self, forKey: key), index)
          XCTAssertEqual(try container.decodeIfPresent(Int.self, forKey: key), index)
        }
      }
    }
  }

  func testNilAndAbsentEntries() throws {
    let encoded = try encode { encoder in
      var container = encoder.container(keyedBy: WireAnyKey.self)
      try container.encodeNil(forKey: "nil")
      try container.encode(1, forKey: "one")
    }
    decode(encoded) { decoder in
      let container = try decoder.container(keyedBy: WireAnyKey.self)
      XCTAssertTrue(try container.decodeNil(forKey: "nil"))
      XCTAssertFalse(try container.decodeNil(forKey: "one"))
      XCTAssertNil(try container.decodeIfPresent(Int.self, forKey: "nil"))
      XCTAssertNil(try container.decodeIfPresent(WirePoint.self, forKey: "nil"))
      XCTAssertNil(try container.decodeIfPresent(WirePoint.self, forKey: "absent"))
      XCTAssertEqual(try container.decodeIfPresent(Int.self, forKey: "one"), 1)
      XCTAssertThrowsError(try container.decodeNil(forKey: "absent"))
      XCTAssertThrowsError(try container.decode(Int.self, forKey: "nil"))
    }
  }

  func testUnkeyedProgress() throws {
    let encoded = try encode { encoder in
      var container = encoder.unkeyedContainer()
      XCTAssertEqual(container.count, 0)
      try container.encode(1)
      try container.encodeNil()
      try container.encode("two")
      var nested = container.nestedUnkeyedContainer()
      try nested.encode(3.0)
      try container.encode([4, 5])
      XCTAssertEqual(container.count, 5)
    }
    decode(encoded) { decoder in
      var container = try decoder.unkeyedContainer()
      XCTAssertEqual(container.count, 5)
      XCTAssertEqual(container.currentIndex, 0)
      XCTAssertFalse(try container.decodeNil())
      XCTAssertThrowsError(try container.decode(String.self))
      XCTAssertEqual(container.currentIndex, 0)
      XCTAssertEqual(try container.decode(Int.self), 1)
      XCTAssertEqual(container.currentIndex, 1)
      XCTAssertTrue(try container.decodeNil())
      XCTAssertEqual(container.currentIndex, 2)
      XCTAssertEqual(try container.decodeIfPresent(String.self), "two")
      var nested = try container.nestedUnkeyedContainer()
      XCTAssertEqual(try nested.decode(Double.self), 3)
      XCTAssertTrue(nested.isAtEnd)
      XCTAssertFalse(container.isAtEnd)
      var numbers = try container.nestedUnkeyedContainer()
      XCTAssertEqual(numbers.count, 2)
      XCTAssertEqual(try numbers.decode(UInt8.self), 4)
      XCTAssertEqual(numbers.currentIndex, 1)
      XCTAssertEqual(try numbers.decode(Int.self), 5)
      XCTAssertTrue(numbers.isAtEnd)
      XCTAssertTrue(container.isAtEnd)
      XCTAssertEqual(container.currentIndex, 5)
      XCTAssertThrowsError(try container.decode(Int.self)) { XCTAssertEqual($0.wireCase, "valueNotFound") }
      XCTAssertThrowsError(try container.decodeNil())
      XCTAssertNil(try container.decodeIfPresent(Int.self))
    }
  }

  /// Containers that are open at the same time may be written to in turn.
  func testInterleavedContainers() throws {
    let encoded = try encode { encoder in
      var container = encoder.container(keyedBy: WireAnyKey.self)
      try container.encode("first", forKey: "a")
      var xs = container.nestedUnkeyedContainer(forKey: "xs")
      var ys = container.nestedUnkeyedContainer(forKey: "ys")
      let late = container.superEncoder(forKey: "late")
      let unused = container.superEncoder()
      withExtendedLifetime(unused) {}
      for index in 0..<100 {
        try xs.encode(index)
        var pair = ys.nestedContainer(keyedBy: WireAnyKey.self)
        try pair.encode([UInt8](repeating: 1, count: 100 * index), forKey: "bytes")
        try container.encode(index, forKey: WireAnyKey(stringValue: "n\(index)"))
        try pair.encode(index, forKey: "index")
      }
      try [1, 2].encode(to: late)
      try container.encode("last", forKey: "z")
    }
    decode(encoded) { decoder in
      let container = try decoder.container(keyedBy: WireAnyKey.self)
      XCTAssertEqual(container.allKeys.prefix(5).map(\.stringValue), ["a", "xs", "ys", "late", "super"])
      XCTAssertEqual(try container.decode([Int].self, forKey: "xs"), Array(0..<100))
      var ys = try container.nestedUnkeyedContainer(forKey: "ys")
      XCTAssertEqual(ys.count, 100)
      for index in 0..<100 {
        let pair = try ys.nestedContainer(keyedBy: WireAnyKey.self)
        XCTAssertEqual(try pair.decode([UInt8].self, forKey: "bytes").count, 100 * index)
        XCTAssertEqual(try pair.decode(Int.self, forKey: "index"), index)
        XCTAssertEqual(try container.decode(Int.self, forKey: WireAnyKey(stringValue: "n\(index)")), index)
      }
      XCTAssertEqual(try container.decode([Int].self, forKey: "late"), [1, 2])
      XCTAssertEqual(try container.decode(WireEmpty.self, forKey: "super"), WireEmpty())
      XCTAssertEqual(try container.decode(String.self, forKey: "z"), "last")
    }
  }

  /// Long payloads before, between and after nested containers, which are put in their places at different times.
  func testLongPayloadsAmongNestedContainers() throws {
    @Sendable func payload(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 5000 + Int(byte)) }
    let encoded = try encode { encoder in
      var container = encoder.unkeyedContainer()
      try container.encode(payload(0))
      var first = container.nestedUnkeyedContainer()
      var second = container.nestedUnkeyedContainer()
      try container.encode(payload(1))
      try container.encode(payload(2))
      try second.encode(payload(3))
      try first.encode(payload(4))
      var third = container.nestedUnkeyedContainer()
      try container.encode("end")
      try third.encode(payload(5))
    }
    decode(encoded) { decoder in
      var container = try decoder.unkeyedContainer()
      XCTAssertEqual(try container.decode([UInt8].self), payload(0))
      XCTAssertEqual(try container.decode([[UInt8]].self), [payload(4)])
      XCTAssertEqual(try container.decode([[UInt8]].self), [payload(3)])
      XCTAssertEqual(try container.decode([UInt8].self), payload(1))
      XCTAssertEqual(try container.decode([UInt8].self), payload(2))
      XCTAssertEqual(try container.decode([[UInt8]].self), [payload(5)])
      XCTAssertEqual(try container.decode(String.self), "end")
      XCTAssertTrue(container.isAtEnd)
    }
  }

  func testSuperCoders() throws {
    let encoded = try encode { encoder in
      var container = encoder.unkeyedContainer()
      try 1.encode(to: container.superEncoder())
      try WirePoint(x: 1, y: 2).encode(to: container.superEncoder())
      var keyed = container.nestedContainer(keyedBy: WireAnyKey.self)
      try "s".encode(to: keyed.superEncoder())
      try "k".encode(to: keyed.superEncoder(forKey: "key"))
    }
    decode(encoded) { decoder in
      var container = try decoder.unkeyedContainer()
      XCTAssertEqual(try Int(from: container.superDecoder()), 1)
      XCTAssertEqual(try WirePoint(from: container.superDecoder()), WirePoint(x: 1, y: 2))
      XCTAssertEqual(container.currentIndex, 2)
      let keyed = try container.nestedContainer(keyedBy: WireAnyKey.self)
      XCTAssertEqual(try String(from: keyed.superDecoder()), "s")
      XCTAssertEqual(try String(from: keyed.superDecoder(forKey: "key")), "k")
      // Without an entry the superclass finds nil.
      let absent = try keyed.superDecoder(forKey: "absent")
      XCTAssertTrue(try absent.singleValueContainer().decodeNil())
      XCTAssertThrowsError(try absent.container(keyedBy: WireAnyKey.self)) {
        XCTAssertEqual($0.wireCase, "valueNotFound")
        XCTAssertEqual($0.wirePath, ["Index 2", "absent"])
      }
      XCTAssertTrue(container.isAtEnd)
    }
  }

  /// A key that is written again replaces the entry, and a nested container that is asked for again is continued.
  func testRepeatedKeys() throws {
    for count in [1, 5, 500] {
      let encoded = try encode { encoder in
        var container = encoder.container(keyedBy: WireAnyKey.self)
        for round in 0..<3 {
          for index in 0..<count {
            try container.encode(round * 1000 + index, forKey: WireAnyKey(stringValue: "k\(index)"))
            var nested = container.nestedUnkeyedContainer(forKey: WireAnyKey(stringValue: "n\(index)"))
            try nested.encode(round)
          }
        }
      }
      decode(encoded) { decoder in
        let container = try decoder.container(keyedBy: WireAnyKey.self)
        XCTAssertEqual(container.allKeys.count, 2 * count)
        XCTAssertEqual(Set(container.allKeys.map(\.stringValue)).count, 2 * count)
        for index in (0..<count).reversed() {
          XCTAssertEqual(
            try container.decode(Int.self, forKey: WireAnyKey(stringValue: "k\(index)")), 2000 + index)
          XCTAssertEqual(
            try container.decode([Int].self, forKey: WireAnyKey(stringValue: "n\(index)")), [0, 1, 2])
        }
      }
    }
  }

  func testNothingEncoded() throws {
    let nothing = try encode { _ in }
    XCTAssertEqual(nothing, [WireTag.empty])
    XCTAssertEqual(try Wire.decode(WireEmpty.self, from: nothing), WireEmpty())
    XCTAssertEqual(try Wire.decode([Int].self, from: nothing), [])
    XCTAssertEqual(try Wire.decode([String: Int].self, from: nothing), [:])
    XCTAssertThrowsError(try Wire.decode(Int.self, from: nothing)) {
      XCTAssertEqual($0.wireCase, "typeMismatch")
    }
    XCTAssertEqual(try Wire.decode([WireEmpty].self, from: Wire.encode([WireEmpty(), WireEmpty()])).count, 2)
    let containersOnly = try encode { encoder in
      var container = encoder.container(keyedBy: WireAnyKey.self)
      _ = container.nestedContainer(keyedBy: WireAnyKey.self, forKey: "a")
      _ = container.nestedUnkeyedContainer(forKey: "b")
    }
    decode(containersOnly) { decoder in
      let container = try decoder.container(keyedBy: WireAnyKey.self)
      XCTAssertEqual(try container.nestedContainer(keyedBy: WireAnyKey.self, forKey: "a").allKeys, [])
      XCTAssertEqual(try container.nestedUnkeyedContainer(forKey: "b").count, 0)
    }
  }
}
