/// The single value that a value is encoded as.
struct WireSingleValueEncoding: SingleValueEncodingContainer {
  let encoder: WireValueEncoder

  var codingPath: [any CodingKey] { encoder.codingPath }

  func encodeNil() throws {
    try encoder.beginSingle()
    encoder.sink.write(tag: WireTag.null)
  }

  func encode(_ value: Bool) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: String) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Double) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Float) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int8) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int16) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int32) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int64) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: Int128) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt8) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt16) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt32) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt64) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode(_ value: UInt128) throws {
    try encoder.beginSingle()
    value.write(to: encoder.sink)
  }

  func encode<T: Encodable>(_ value: T) throws { try encoder.encodeSingle(value) }
}
