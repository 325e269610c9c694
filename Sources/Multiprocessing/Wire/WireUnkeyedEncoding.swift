/// The unkeyed container of a value that is being encoded.
struct WireUnkeyedEncoding: UnkeyedEncodingContainer {
  let encoder: WireValueEncoder

  var codingPath: [any CodingKey] { encoder.codingPath }
  var count: Int { encoder.elementCount }

  func encodeNil() throws {
    try encoder.beginElement()
    encoder.sink.write(tag: WireTag.null)
  }

  func encode(_ value: Bool) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: String) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Double) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Float) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int8) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int16) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int32) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int64) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int128) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt8) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt16) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt32) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt64) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt128) throws {
    try encoder.beginElement()
    value.write(to: encoder.sink)
  }

  func encode<T: Encodable>(_ value: T) throws { try encoder.encodeElement(value) }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type
  ) -> KeyedEncodingContainer<NestedKey> {
    KeyedEncodingContainer(WireKeyedEncoding<NestedKey>(encoder: encoder.nestedContainer(WireTag.keyed)))
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    WireUnkeyedEncoding(encoder: encoder.nestedContainer(WireTag.unkeyed))
  }

  func superEncoder() -> any Encoder { encoder.superEncoder() }
}
