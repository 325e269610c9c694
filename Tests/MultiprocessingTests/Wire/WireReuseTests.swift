import XCTest

@testable import Multiprocessing

/// Coders are used again for the next value, which nobody may notice.
final class WireReuseTests: XCTestCase {
  /// Keeps its decoder, to decode later.
  private struct Deferred: Decodable {
    let decoder: any Decoder
    init(from decoder: any Decoder) { self.decoder = decoder }
  }

  /// Keeps nothing but the container.
  private struct DeferredContainer: Decodable {
    let container: KeyedDecodingContainer<WireAnyKey>
    init(from decoder: any Decoder) throws { container = try decoder.container(keyedBy: WireAnyKey.self) }
  }

  private struct Point: Codable, Equatable {
    var x: Int
    var y: Int
  }

  private func withDecoder(for value: some Encodable, _ body: (WireDecoder) throws -> Void) throws {
    try Wire.encode(value).withUnsafeBytes { try Wire.withDecoder(for: $0, body) }
  }

  func testKeptDecodersStayWithTheirValues() throws {
    let points = (0..<5).map { Point(x: $0, y: -$0) }
    try withDecoder(for: [points, points]) { decoder in
      let kept = try decoder.next([[Deferred]].self)
      for row in kept.indices {
        for index in kept[row].indices {
          XCTAssertEqual(kept[row][index].decoder.codingPath.map(\.intValue), [row, index])
          XCTAssertEqual(try Point(from: kept[row][index].decoder), points[index])
        }
      }
    }
  }

  func testKeptContainersStayWithTheirValues() throws {
    let points = (0..<5).map { Point(x: $0, y: -$0) }
    var kept: [DeferredContainer] = []
    try withDecoder(for: points) { decoder in
      kept = try decoder.next([DeferredContainer].self)
      for index in kept.indices {
        XCTAssertEqual(kept[index].container.codingPath.map(\.intValue), [index])
        XCTAssertEqual(try kept[index].container.decode(Int.self, forKey: "y"), -index)
        XCTAssertEqual(try kept[index].container.decode(Int.self, forKey: "x"), index)
      }
    }
    for container in kept.map(\.container) {
      XCTAssertThrowsError(try container.decode(Int.self, forKey: "x"))
    }
  }

  func testKeptEncodersThrowWhileTheNextValueIsEncoded() throws {
    final class Kept {
      var containers: [KeyedEncodingContainer<WireAnyKey>] = []
    }
    let kept = Kept()
    let value = WireEncodes { encoder in
      for index in kept.containers.indices {
        XCTAssertThrowsError(try kept.containers[index].encode(1, forKey: "late"))
      }
      var container = encoder.container(keyedBy: WireAnyKey.self)
      try container.encode(kept.containers.count, forKey: "index")
      kept.containers.append(container)
    }
    let bytes = try Wire.encode([value, value, value])
    XCTAssertEqual(try Wire.decode([[String: Int]].self, from: bytes), (0..<3).map { ["index": $0] })
  }

  /// What a value left behind in its coder is gone before the next one.
  func testValuesOfEveryShapeInTurn() throws {
    let keys = (0..<40).map { "key \($0)" }
    let large = Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1, $0) })
    for _ in 0..<3 {
      let values: [[String: Int]] = [large, [:], ["key 3": 3], large, ["a": 1, "b": 2], [:], large]
      XCTAssertEqual(try Wire.decode([[String: Int]].self, from: try Wire.encode(values)), values)
    }
    let shapes = [WireShapes.text("a"), .list([1, -2]), .pair(x: 1, y: nil), .text("b"), .none, .list([])]
    XCTAssertEqual(try Wire.decode([WireShapes].self, from: try Wire.encode(shapes)), shapes)
  }

  /// A value that fails leaves its coder ready for the next one.
  func testFailuresInBetween() throws {
    struct Lenient: Decodable, Equatable {
      let points: [Point?]
      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: WireAnyKey.self)
        points = ["a", "b", "c"].map { name in
          do { return try container.decode(Point.self, forKey: WireAnyKey(stringValue: name)) } catch { return nil }
        }
      }
    }
    let bytes = try Wire.encode(["a": ["x": 1, "y": 2], "b": ["x": 3], "c": ["x": 5, "y": 6]])
    let decoded = try Wire.decode(Lenient.self, from: bytes)
    XCTAssertEqual(decoded.points, [Point(x: 1, y: 2), nil, Point(x: 5, y: 6)])
  }
}

private enum WireShapes: Codable, Equatable {
  case none
  case text(String)
  case list([Int])
  case pair(x: Int, y: Int?)
}
