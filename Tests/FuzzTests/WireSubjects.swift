import Foundation

@testable import Multiprocessing

// The types that the fuzz tests decode.

struct Leaf: Codable, Hashable {
  var id: Int
  var ratio: Double
  var name: String
}

enum Choice: Codable, Hashable {
  case none
  case one(Int)
  case named(text: String, leaf: Leaf?)
}

struct Tree: Codable, Equatable {
  var name: String
  var choice: Choice
  var children: [Tree]
  var extra: [String: [Float]]?
}

class Vehicle: Codable {
  var wheels: UInt8

  init(wheels: UInt8) { self.wheels = wheels }
}

final class Truck: Vehicle, Equatable {
  var load: Float

  private enum CodingKeys: CodingKey {
    case load
  }

  init(wheels: UInt8, load: Float) {
    self.load = load
    super.init(wheels: wheels)
  }

  required init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    load = try container.decode(Float.self, forKey: .load)
    try super.init(from: container.superDecoder())
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(load, forKey: .load)
    try super.encode(to: container.superEncoder())
  }

  static func == (a: Truck, b: Truck) -> Bool { a.wheels == b.wheels && a.load == b.load }
}

/// A type and sample values of it, their types erased.
struct Subject {
  let name: String
  let encodedSamples: () throws -> [[UInt8]]

  /// Decodes bytes; throws an error of the decoder's, or a `Discrepancy` if the value is not what it seems.
  let decode: ([UInt8]) throws -> Void

  struct Discrepancy: Error {
    let description: String
  }

  init<T: Codable & Equatable>(_ name: String, _ samples: T...) {
    self.name = name
    encodedSamples = { try samples.map { try Wire.encode($0) } }
    decode = { encoded in
      let value = try Wire.decode(T.self, from: encoded)
      // Whatever has been decoded can be encoded, and comes back the same.
      let again: T
      do {
        again = try Wire.decode(T.self, from: Wire.encode(value))
      } catch {
        throw Discrepancy(description: "\(name): decoded \(value), then: \(error)")
      }
      // A NaN differs from itself, and a dictionary may come back in another order.
      if again != value, "\(again)".sorted() != "\(value)".sorted() {
        throw Discrepancy(description: "\(name): decoded \(value), then \(again)")
      }
    }
  }

  // Collections without order have one element at most, so that the stored bytes are the same each time.
  static var all: [Subject] {
    [
      Subject("Int", 0, 127, 128, -1, -40_000, .max, .min),
      Subject("UInt8", 0 as UInt8, 255),
      Subject("Int128", Int128.min, Int128(1) << 100, 5),
      Subject("UInt128", UInt128.max),
      Subject("Bool", true, false),
      Subject("Double", 0.1, -0.0, .infinity, 1e300),
      Subject("Float", 0.1 as Float),
      Subject("Float16", 0.5 as Float16),
      Subject("String", "", "short", "테스트입니다 😀", String(repeating: "long ", count: 30)),
      Subject("OptionalInt", Int?.none, 5),
      Subject("OptionalOptionalInt", Int??.none, .some(nil), 5),
      Subject("Bytes", [] as [UInt8], [1, 2, 3]),
      Subject("Doubles", [] as [Double], [1, .pi]),
      Subject("Ints", [1, -1, 1 << 40]),
      Subject("Bools", [true, false, true]),
      Subject("Int128s", [Int128.max, 1]),
      Subject("Strings", [] as [String], ["a", "", "bc"]),
      Subject("IntSet", Set<Int>(), Set([3])),
      Subject("IntsByString", [:] as [String: Int], ["key": 1]),
      Subject("StringsByInt", [-7: "seven"]),
      Subject("ByChoice", [Choice.one(1): [1.5]]),
      Subject("Leaf", Leaf(id: -5, ratio: 2.5, name: "leaf")),
      Subject(
        "Choice", Choice.none, .one(1000), .named(text: "n", leaf: Leaf(id: 1, ratio: 0, name: "")),
        .named(text: "", leaf: nil)),
      Subject("OptionalLeaves", [Leaf(id: 1, ratio: 1, name: "x"), nil]),
      Subject("Truck", Truck(wheels: 6, load: 7.5)),
      Subject(
        "Tree",
        Tree(
          name: "root", choice: .one(1),
          children: [
            Tree(name: "a", choice: .none, children: [], extra: nil),
            Tree(name: "b", choice: .named(text: "t", leaf: nil), children: [], extra: ["e": [1, 2]]),
          ], extra: [:])),
    ]
  }
}
