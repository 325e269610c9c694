/// The keyed container of a value that is being encoded.
///
/// Its methods are reached through witness tables from the user's module, so each does its work in one step.
struct WireKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: WireValueEncoder

  var codingPath: [any CodingKey] { encoder.codingPath }

  func encodeNil(forKey key: Key) throws {
    try encoder.beginEntry(key)
    encoder.sink.write(tag: WireTag.null)
  }

  func encode(_ value: Bool, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: String, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: Double, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: Float, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int8, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int16, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int32, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int64, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int128, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt8, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt16, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt32, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt64, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt128, forKey key: Key) throws {
    try encoder.beginEntry(key)
    value.write(to: encoder.sink)
  }

  func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    try encoder.encodeEntry(value, forKey: key)
  }

  func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws {
    if let value { try encoder.encodeEntry(value, forKey: key, keepsLevel: true) }
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    KeyedEncodingContainer(
      WireKeyedEncoding<NestedKey>(encoder: encoder.nestedContainer(WireTag.keyed, forKey: key)))
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    WireUnkeyedEncoding(encoder: encoder.nestedContainer(WireTag.unkeyed, forKey: key))
  }

  func superEncoder() -> any Encoder { encoder.superEncoder(forKey: WireSuperKey()) }

  func superEncoder(forKey key: Key) -> any Encoder { encoder.superEncoder(forKey: key) }
}
