/// Arguments by name, which meet the fields of the target's parameter struct.
struct KeywordArguments: Sendable {
  private let arguments: KeyValuePairs<String, any Encodable & Sendable>

  init(_ arguments: KeyValuePairs<String, any Encodable & Sendable>) { self.arguments = arguments }

  /// Encodes the arguments once it is certain that `type` can be made of them.
  ///
  /// Throws `.unsupportedArgument`, naming the key, for a name that is doubled, missing or not asked for, and for a value
  /// of another type than its field's.
  func append<K: Decodable>(to encoder: WireEncoder, for type: K.Type) throws {
    let values = try uniqued()
    try KeywordProbe(values).check(type)
    try appendArgument(KeywordObject(values: arguments), called: "the keyword arguments", to: encoder)
  }

  private func uniqued() throws -> [String: any Encodable & Sendable] {
    var values: [String: any Encodable & Sendable] = [:]
    for (name, value) in arguments where values.updateValue(value, forKey: name) != nil {
      throw ProcessError.unsupportedArgument("the keyword argument '\(name)' is given twice")
    }
    return values
  }
}

/// A key of a keyed container, by name alone.
private struct KeywordKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

/// The arguments as a keyed container, which the child decodes its parameter struct from.
private struct KeywordObject: Encodable {
  let values: KeyValuePairs<String, any Encodable & Sendable>

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: KeywordKey.self)
    for (name, value) in values { try container.encode(value, forKey: KeywordKey(stringValue: name)) }
  }
}

/// Makes the parameter struct of the living values, in the parent, to see that the child will be able to.
private final class KeywordProbe: Decoder {
  private let values: [String: any Encodable & Sendable]
  private var asked: Set<String> = []

  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]

  init(_ values: [String: any Encodable & Sendable]) { self.values = values }

  func check<K: Decodable>(_ type: K.Type) throws {
    do {
      _ = try K(from: self)
    } catch let error as ProcessError {
      throw error
    } catch {
      throw ProcessError.unsupportedArgument("\(type) cannot be made of the keyword arguments: \(error)")
    }
    if let name = values.keys.sorted().first(where: { !asked.contains($0) }) {
      throw ProcessError.unsupportedArgument(
        "the keyword argument '\(name)' is unexpected: \(type) does not ask for it")
    }
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(Container<Key>(probe: self))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Self.unnamed }
  func singleValueContainer() throws -> any SingleValueDecodingContainer { throw Self.unnamed }

  private static var unnamed: ProcessError {
    .unsupportedArgument("keyword arguments need a parameter struct whose fields have names")
  }

  private struct Container<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let probe: KeywordProbe
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { probe.values.keys.compactMap(Key.init(stringValue:)) }

    private func value(_ key: Key) -> (any Encodable & Sendable)? {
      probe.asked.insert(key.stringValue)
      return probe.values[key.stringValue]
    }

    func contains(_ key: Key) -> Bool { value(key) != nil }

    func decodeNil(forKey key: Key) throws -> Bool {
      // Unwrapped first: what is looked up is an optional too.
      guard let value = value(key) else { return true }
      return (value as? any OptionalValue)?.isNil ?? false
    }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
      guard let value = value(key) else {
        throw ProcessError.unsupportedArgument(
          "the keyword argument '\(key.stringValue)' of type \(type) is missing")
      }
      guard let typed = value as? T else {
        throw ProcessError.unsupportedArgument(
          "the keyword argument '\(key.stringValue)' is of type \(Swift.type(of: value)), and \(type) is wanted"
        )
      }
      return typed
    }

    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw KeywordProbe.unnamed }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
      throw KeywordProbe.unnamed
    }
    func superDecoder() throws -> any Decoder { throw KeywordProbe.unnamed }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw KeywordProbe.unnamed }
  }
}

private protocol OptionalValue {
  var isNil: Bool { get }
}

extension Optional: OptionalValue {
  fileprivate var isNil: Bool {
    if case .none = self { true } else { false }
  }
}
