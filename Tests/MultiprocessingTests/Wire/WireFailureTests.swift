import XCTest

@testable import Multiprocessing

/// What becomes of a coder when a type's own coding goes wrong: errors caught and thrown, misuse, containers used late.
final class WireFailureTests: XCTestCase {
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
    // They lead to the decoder, whose `userInfo` leads back here.
    leftovers.decoding = nil
    leftovers.elements = nil
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
      do {
        // It keeps an encoder for the next value, and ends here.
        try WireEncoder().append(outer)
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
