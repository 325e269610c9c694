import XCTest

@testable import Multiprocessing

final class WireErrorTests: XCTestCase {
  private func check<T: Decodable, V: Encodable>(
    _ type: T.Type, from value: V, _ wireCase: String, _ path: [String],
    file: StaticString = #filePath, line: UInt = #line
  ) throws {
    let encoded = try Wire.encode(value)
    XCTAssertThrowsError(try Wire.decode(type, from: encoded), file: file, line: line) {
      XCTAssertEqual($0.wireCase, wireCase, file: file, line: line)
      XCTAssertEqual($0.wirePath, path, file: file, line: line)
    }
  }

  func testMismatches() throws {
    try check(Double.self, from: 1, "typeMismatch", [])
    try check(Int.self, from: 1.0, "typeMismatch", [])
    try check(Int.self, from: "1", "typeMismatch", [])
    try check(String.self, from: 1, "typeMismatch", [])
    try check(Bool.self, from: 1, "typeMismatch", [])
    try check(Int.self, from: true, "typeMismatch", [])
    try check(Int.self, from: [1], "typeMismatch", [])
    try check([Int].self, from: 1, "typeMismatch", [])
    try check([Int].self, from: ["a": 1], "typeMismatch", [])
    try check([String: Int].self, from: [1], "typeMismatch", [])
    try check([String: Int].self, from: "a", "typeMismatch", [])
    try check([String].self, from: [1], "typeMismatch", ["Index 0"])
    try check([Int].self, from: [1.5], "typeMismatch", ["Index 0"])
    try check(Int.self, from: Int?.none, "valueNotFound", [])
    try check([Int].self, from: Int?.none, "valueNotFound", [])
    try check([String: Int].self, from: Int?.none, "valueNotFound", [])
    try check([Int].self, from: [1, nil] as [Int?], "valueNotFound", ["Index 1"])
    try check(Int8.self, from: 1000, "dataCorrupted", [])
    try check([Int8].self, from: [1, 1000], "dataCorrupted", ["Index 1"])
    try check(WireColor.self, from: "blue", "dataCorrupted", [])
  }

  func testPathsReachThroughEveryKindOfContainer() throws {
    struct Inner<Value: Codable>: Codable {
      var value: Value
    }
    struct Outer<Value: Codable>: Codable {
      var list: [[String: Inner<Value>]]
    }
    let encoded = Outer(list: [[:], ["k": Inner(value: "text")]])
    try check(Outer<Int>.self, from: encoded, "typeMismatch", ["list", "Index 1", "k", "value"])
    try check(Outer<[Int]>.self, from: encoded, "typeMismatch", ["list", "Index 1", "k", "value"])
    try check(Outer<WirePoint>.self, from: encoded, "typeMismatch", ["list", "Index 1", "k", "value"])
    try check(Outer<Int?>.self, from: encoded, "typeMismatch", ["list", "Index 1", "k", "value"])
    struct Other<Value: Codable>: Codable {
      var list: [[String: Value]]
    }
    try check(Other<WirePoint>.self, from: encoded, "keyNotFound", ["list", "Index 1", "k"])
    try check(WireShape.self, from: ["circle": ["radius": "x"]], "typeMismatch", ["circle", "radius"])
    try check(WireShape.self, from: ["circle": [String: Int]()], "keyNotFound", ["circle"])
  }

  func testMissingKey() throws {
    XCTAssertThrowsError(try Wire.decode(WirePoint.self, from: Wire.encode(["x": 1.0]))) { error in
      guard case DecodingError.keyNotFound(let key, let context) = error else { return XCTFail("\(error)") }
      XCTAssertEqual(key.stringValue, "y")
      XCTAssertEqual(context.codingPath.count, 0)
    }
  }

  func testUnknownKeysAreIgnored() throws {
    let point = try Wire.decode(WirePoint.self, from: Wire.encode(["z": 0.0, "y": 2.0, "x": 1.0]))
    XCTAssertEqual(point, WirePoint(x: 1, y: 2))
  }

  func testEncodingErrorsHavePaths() throws {
    struct Refuses: Encodable {
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: WireAnyKey.self)
        var nested = container.nestedUnkeyedContainer(forKey: "nested")
        try nested.encode(1)
        try nested.encode(
          WireEncodes { inner in
            throw EncodingError.invalidValue(0, .init(codingPath: inner.codingPath, debugDescription: ""))
          })
      }
    }
    XCTAssertThrowsError(try Wire.encode([["k": Refuses()]])) {
      XCTAssertEqual($0.wirePath, ["Index 0", "k", "nested", "Index 1"])
    }
  }

  func testCodingPathsWhileCoding() throws {
    let body: WireDecodes.Body = { decoder in
      XCTAssertEqual(decoder.codingPath.count, 0)
      let container = try decoder.container(keyedBy: WireAnyKey.self)
      let nested = try container.nestedContainer(keyedBy: WireAnyKey.self, forKey: "a")
      XCTAssertEqual(nested.codingPath.map(\.stringValue), ["a"])
      XCTAssertTrue(nested.codingPath.first is WireAnyKey)
      var elements = try nested.nestedUnkeyedContainer(forKey: "b")
      _ = try elements.decode(Int.self)
      XCTAssertEqual(elements.codingPath.map(\.stringValue), ["a", "b"])
      let last = try elements.superDecoder()
      XCTAssertEqual(last.codingPath.map(\.stringValue), ["a", "b", "Index 1"])
      XCTAssertEqual(last.codingPath.last?.intValue, 1)
    }
    _ = try Wire.decode(
      WireDecodes.self, from: Wire.encode(["a": ["b": [1, 2]]]), userInfo: [WireDecodes.key: body])
  }

  func testDepthIsBoundedBothWays() throws {
    final class Loop: Encodable {
      func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(self)
      }
    }
    final class Stand: Encodable {
      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self)
      }
    }
    XCTAssertThrowsError(try Wire.encode(Loop())) {
      XCTAssertEqual($0.wirePath, [String](repeating: "Index 0", count: WireLimit.depth))
    }
    XCTAssertThrowsError(try Wire.encode(Stand())) { XCTAssertTrue($0 is EncodingError) }
    XCTAssertThrowsError(
      try Wire.encode(
        WireEncodes { encoder in
          var container = encoder.unkeyedContainer()
          for _ in 0...WireLimit.depth { container = container.nestedUnkeyedContainer() }
        })
    ) { XCTAssertTrue($0 is EncodingError) }
    // What can be encoded can be decoded.
    var list = WireList.end
    for _ in 0..<(WireLimit.depth / 2 - 1) {
      list = .node(1, list)
      XCTAssertEqual(try Wire.decode(WireList.self, from: Wire.encode(list)), list)
    }
    for _ in 0..<2 { list = .node(1, list) }
    XCTAssertThrowsError(try Wire.encode(list)) { XCTAssertTrue($0 is EncodingError) }
  }

  /// The deepest nesting fits in the smallest stack that threads commonly have.
  func testDeepestNestingFitsInSmallStack() throws {
    try XCTSkipIf(dlsym(nil, "__asan_init") != nil, "The address sanitizer enlarges every stack frame.")
    struct Tree: Codable {
      var children: [String: Tree]
    }
    final class Chain: Codable {
      var next: Chain?
      init(_ next: Chain?) { self.next = next }
    }
    let levels = WireLimit.depth
    let done = expectation(description: "The thread has ended.")
    let thread = Thread {
      do {
        var tree = Tree(children: [:])
        for _ in 1..<(levels / 2) { tree = Tree(children: ["child": tree]) }
        var chain = Chain(nil)
        for _ in 1..<levels { chain = Chain(chain) }
        _ = try Wire.decode(Tree.self, from: Wire.encode(tree))
        _ = try Wire.decode(Chain.self, from: Wire.encode(chain))
        XCTAssertThrowsError(try Wire.encode(Chain(chain)))
      } catch {
        XCTFail("\(error)")
      }
      done.fulfill()
    }
    thread.stackSize = 512 * 1024
    thread.start()
    wait(for: [done], timeout: 60)
  }
}
