import XCTest

@testable import Multiprocessing

/// What the containers promise to a type that encodes and decodes itself by hand.
final class WireContainerTests: XCTestCase {
  private func decode(
    _ encoded: [UInt8], file: StaticString = #filePath, line: UInt = #line,
    _ body: @escaping WireDecodes.Body
  ) {
    XCTAssertNoThrow(
      try Wire.decode(WireDecodes.self, from: encoded, userInfo: [WireDecodes.key: body]), file: file,
      line: line)
  }

  private func encode(_ body: @escaping (any Encoder) throws -> Void) throws -> [UInt8] {
    try Wire.encode(WireEncodes(body))
  }

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

  /// An error that a type catches while it encodes leaves no trace of the value that failed.
  func testCaughtErrors() throws {
    struct Failure: Error {}
    let failing = WireEncodes { encoder in
      var container = encoder.container(keyedBy: WireAnyKey.self)
      try container.encode([UInt8](repeating: 1, count: 10_000), forKey: "long")
      var nested = container.nestedUnkeyedContainer(forKey: "nested")
      try nested.encode(1)
      throw Failure()
    }
    let encoded = try encode { encoder in
      var container = encoder.container(keyedBy: WireAnyKey.self)
      try container.encode(1, forKey: "a")
      XCTAssertThrowsError(try container.encode(failing, forKey: "b"))
      var elements = container.nestedUnkeyedContainer(forKey: "c")
      XCTAssertThrowsError(try elements.encode(failing))
      try elements.encode(
        WireEncodes { encoder in
          var single = encoder.singleValueContainer()
          XCTAssertThrowsError(try single.encode(failing))
          try single.encode("second try")
        })
      XCTAssertEqual(elements.count, 1)
    }
    decode(encoded) { decoder in
      let container = try decoder.container(keyedBy: WireAnyKey.self)
      XCTAssertEqual(container.allKeys.map(\.stringValue), ["a", "c"])
      XCTAssertEqual(try container.decode([String].self, forKey: "c"), ["second try"])
    }
  }

  /// Decoding may be tried with one type after another.
  func testCaughtErrorsWhileDecoding() throws {
    decode(try Wire.encode(["a": WirePoint(x: 1, y: 2)])) { decoder in
      let container = try decoder.container(keyedBy: WireAnyKey.self)
      XCTAssertThrowsError(try container.decode(WireRecord.self, forKey: "a"))
      XCTAssertThrowsError(try container.decode([Int].self, forKey: "a"))
      XCTAssertEqual(try container.decode(WirePoint.self, forKey: "a"), WirePoint(x: 1, y: 2))
      XCTAssertEqual(decoder.codingPath.count, 0)
    }
  }

  func testMisuseThrows() throws {
    let misuses: [(String, (any Encoder) throws -> Void)] = [
      (
        "two kinds of container",
        { encoder in
          _ = encoder.container(keyedBy: WireAnyKey.self)
          _ = encoder.unkeyedContainer()
        }
      ),
      (
        "a container after a single value",
        { encoder in
          var single = encoder.singleValueContainer()
          try single.encode(1)
          var container = encoder.container(keyedBy: WireAnyKey.self)
          try container.encode(1, forKey: "a")
        }
      ),
      (
        "two single values",
        { encoder in
          var single = encoder.singleValueContainer()
          try single.encode(1)
          try single.encode([2])
        }
      ),
      (
        "an outer container while an element is encoded",
        { encoder in
          var container = encoder.unkeyedContainer()
          let outer = container
          try container.encode(
            WireEncodes { inner in
              var single = inner.singleValueContainer()
              var outer = outer
              try outer.encode(1)
              try single.encode(2)
            })
        }
      ),
      (
        "a nested container of an outer one while an element is encoded",
        { encoder in
          var container = encoder.unkeyedContainer()
          let outer = container
          try container.encode(
            WireEncodes { inner in
              var outer = outer
              var nested = outer.nestedUnkeyedContainer()
              for _ in 0..<1000 { nested = nested.nestedUnkeyedContainer() }
              try nested.encode(1)
            })
        }
      ),
    ]
    for (name, misuse) in misuses {
      XCTAssertThrowsError(try encode(misuse), name) { XCTAssertTrue($0 is EncodingError, "\(name): \($0)") }
    }
  }

  /// Containers and coders that outlive their turn throw; they neither crash nor write where they should not.
  func testLeftoversThrow() throws {
    final class Leftovers: @unchecked Sendable {  // Used by one thread only.
      var encoding: KeyedEncodingContainer<WireAnyKey>?
      var nested: (any UnkeyedEncodingContainer)?
      var decoding: KeyedDecodingContainer<WireAnyKey>?
      var elements: (any UnkeyedDecodingContainer)?
    }
    let leftovers = Leftovers()
    let encoded = try encode { encoder in
      var container = encoder.container(keyedBy: WireAnyKey.self)
      try container.encode([1, 2], forKey: "a")
      leftovers.nested = container.nestedUnkeyedContainer(forKey: "b")
      leftovers.encoding = container
    }
    XCTAssertThrowsError(try leftovers.encoding?.encode(1, forKey: "c"))
    XCTAssertThrowsError(try leftovers.encoding?.encode("x", forKey: "c"))
    XCTAssertThrowsError(try leftovers.nested?.encode(1))
    decode(encoded) { decoder in
      let container = try decoder.container(keyedBy: WireAnyKey.self)
      leftovers.decoding = container
      leftovers.elements = try container.nestedUnkeyedContainer(forKey: "a")
    }
    XCTAssertThrowsError(try leftovers.decoding?.decode([Int].self, forKey: "a"))
    XCTAssertThrowsError(try leftovers.elements?.decode(Int.self))
    XCTAssertEqual(leftovers.decoding?.allKeys, [])
  }

  /// An encoder and its nested containers refer to each other while they are in use.
  func testNothingLeaks() throws {
    final class Seen {
      weak var outer: WireValueEncoder?
      weak var nested: WireValueEncoder?
    }
    struct Failure: Error {}
    for ending in ["none", "error", "caught", "misuse"] {
      let seen = Seen()
      let value = WireEncodes { encoder in
        seen.outer = encoder as? WireValueEncoder
        var container = encoder.container(keyedBy: WireAnyKey.self)
        var nested = container.nestedUnkeyedContainer(forKey: "nested")
        seen.nested = nested.superEncoder() as? WireValueEncoder
        XCTAssertNotNil(seen.nested)
        if ending == "misuse" {
          var unkeyed = encoder.unkeyedContainer()
          var deeper = unkeyed.nestedUnkeyedContainer()
          seen.nested = deeper.superEncoder() as? WireValueEncoder
        }
        if ending == "error" || ending == "caught" { throw Failure() }
      }
      let outer = WireEncodes { encoder in
        var container = encoder.unkeyedContainer()
        do {
          try container.encode(value)
        } catch is Failure where ending == "caught" {}
      }
      let encoder = WireEncoder()
      do {
        try encoder.append(outer)
        XCTAssertTrue(ending == "none" || ending == "caught")
      } catch is Failure {
        XCTAssertEqual(ending, "error")
      } catch is EncodingError {
        XCTAssertEqual(ending, "misuse")
      }
      XCTAssertNil(seen.outer, ending)
      XCTAssertNil(seen.nested, ending)
    }
  }
}
