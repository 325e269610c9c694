/// The keyed container of a value that is being decoded.
struct WireKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: WireValueDecoder

  var codingPath: [any CodingKey] { decoder.codingPath }
  var allKeys: [Key] { decoder.keys().compactMap { Key(stringValue: $0) } }

  func contains(_ key: Key) -> Bool { decoder.contains(key) }

  func decodeNil(forKey key: Key) throws -> Bool { try decoder.entryIsNull(key) }

  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try decoder.entry(key.stringValue, key) }
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: String.Type, forKey key: Key) throws -> String {
    try decoder.entry(key.stringValue, key)
  }
  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
    try decoder.entry(key.stringValue, key)
  }
  func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try decoder.entry(key.stringValue, key) }
  func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try decoder.entry(key.stringValue, key) }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try decoder.entry(key.stringValue, key) }
  func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try decoder.entry(key.stringValue, key) }
  func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try decoder.entry(key.stringValue, key) }
  func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try decoder.entry(key.stringValue, key) }
  func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 {
    try decoder.entry(key.stringValue, key)
  }
  func decodeIfPresent(_ type: Int128.Type, forKey key: Key) throws -> Int128? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try decoder.entry(key.stringValue, key) }
  func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try decoder.entry(key.stringValue, key) }
  func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 {
    try decoder.entry(key.stringValue, key)
  }
  func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 {
    try decoder.entry(key.stringValue, key)
  }
  func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 {
    try decoder.entry(key.stringValue, key)
  }
  func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 {
    try decoder.entry(key.stringValue, key)
  }
  func decodeIfPresent(_ type: UInt128.Type, forKey key: Key) throws -> UInt128? {
    try decoder.entryIfPresent(key.stringValue, key)
  }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    try decoder.entry(key, as: type)
  }

  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
    try decoder.entryIfPresent(key, as: type)
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try decoder.nestedDecoder(forKey: key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try decoder.nestedDecoder(forKey: key).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { try decoder.superDecoder(forKey: WireSuperKey()) }

  func superDecoder(forKey key: Key) throws -> any Decoder { try decoder.superDecoder(forKey: key) }
}
