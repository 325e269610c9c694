// Types that exercise the coder, shared by its tests.

struct WireEmpty: Codable, Equatable {}

struct WirePoint: Codable, Hashable {
  var x: Double
  var y: Double
}

enum WireColor: String, Codable, CodingKeyRepresentable {
  case red
  case green
}

enum WireLevel: Int, Codable, CaseIterable {
  case low = -1
  case high = 1_000_000
}

enum WireShape: Codable, Equatable {
  case nothing
  case circle(radius: Double)
  case rectangle(Double, Double)
  case named(name: String, inner: [WirePoint]?)
}

indirect enum WireList: Codable, Equatable {
  case end
  case node(Int, WireList)
}

struct WireRecord: Codable, Equatable {
  var id: Int
  var name: String
  var score: Double
  var flag: Bool
  var note: String?
  var point: WirePoint
  var values: [Int]
  var weights: [String: [Float]]
  var shape: WireShape
}

extension WireRecord {
  static let sample = WireRecord(
    id: -70_000, name: "테스트입니다", score: 0.1, flag: true, note: nil, point: WirePoint(x: 1, y: -2),
    values: [1, 2, 300], weights: ["a": [0.5], "b": []],
    shape: .named(name: "n", inner: [WirePoint(x: 0, y: 0)]))
}

/// Encodes through `superEncoder()`, as synthesized subclasses would be written by hand.
class WireAnimal: Codable {
  var legs: Int

  init(legs: Int) { self.legs = legs }
}

final class WireDog: WireAnimal {
  var name: String

  private enum CodingKeys: String, CodingKey {
    case name
  }

  init(legs: Int, name: String) {
    self.name = name
    super.init(legs: legs)
  }

  required init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    try super.init(from: container.superDecoder())
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try super.encode(to: container.superEncoder())
  }
}

/// Shares one keyed container with its superclass, and overwrites the superclass's entry.
final class WireCat: WireAnimal {
  var name: String

  private enum CodingKeys: String, CodingKey {
    case name
    case legs
  }

  init(legs: Int, name: String) {
    self.name = name
    super.init(legs: legs)
  }

  required init(from decoder: any Decoder) throws {
    name = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .name)
    try super.init(from: decoder)
  }

  override func encode(to encoder: any Encoder) throws {
    try super.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(legs * 10, forKey: .legs)
  }
}

/// A key of any name.
struct WireAnyKey: CodingKey, Equatable, ExpressibleByStringLiteral {
  var stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }

  init(stringLiteral: String) { stringValue = stringLiteral }

  init?(intValue: Int) { nil }
}

/// Encodes what a closure says, for tests of the containers themselves.
struct WireEncodes: Encodable {
  let body: (any Encoder) throws -> Void

  init(_ body: @escaping (any Encoder) throws -> Void) { self.body = body }

  func encode(to encoder: any Encoder) throws { try body(encoder) }
}

/// Hands its decoder to a closure that came in by `userInfo`.
struct WireDecodes: Decodable {
  typealias Body = @Sendable (any Decoder) throws -> Void

  static let key = CodingUserInfoKey(rawValue: "body")!

  init(from decoder: any Decoder) throws {
    guard let body = decoder.userInfo[Self.key] as? Body else {
      throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "No body."))
    }
    try body(decoder)
  }
}

extension Error {
  /// The case of a `DecodingError`.
  var wireCase: String {
    switch self as? DecodingError {
    case .typeMismatch: "typeMismatch"
    case .valueNotFound: "valueNotFound"
    case .keyNotFound: "keyNotFound"
    case .dataCorrupted: "dataCorrupted"
    default: "\(self)"
    }
  }

  /// The coding path of an `EncodingError` or a `DecodingError`.
  var wirePath: [String]? {
    let path: [any CodingKey]? =
      switch self as any Error {
      case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
        DecodingError.keyNotFound(_, let context), DecodingError.dataCorrupted(let context):
        context.codingPath
      case EncodingError.invalidValue(_, let context): context.codingPath
      default: nil
      }
    return path?.map(\.stringValue)
  }
}
