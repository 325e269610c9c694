/// A value that is written and read without an encoder of its own.
protocol WirePrimitive: Codable {
  func write(to sink: WireSink)
  static func read(_ value: WireValue, from reader: WireReader) throws(WireFault) -> Self

  /// Whether `read` is the way to read a value, and not element by element.
  static func reads(_ value: WireValue) -> Bool
}

extension WirePrimitive {
  static func reads(_ value: WireValue) -> Bool { true }
}

extension WirePrimitive where Self: FixedWidthInteger {
  @inline(__always)
  func write(to sink: WireSink) { sink.write(integer: self) }

  @inline(__always)
  static func read(_ value: WireValue, from reader: WireReader) throws(WireFault) -> Self {
    try reader.integer(Self.self, value)
  }
}

extension WirePrimitive where Self: BinaryFloatingPoint & WireNumber {
  @inline(__always)
  func write(to sink: WireSink) { sink.write(number: self) }

  @inline(__always)
  static func read(_ value: WireValue, from reader: WireReader) throws(WireFault) -> Self {
    try reader.float(Self.self, value)
  }
}

extension UInt8: WirePrimitive {}
extension UInt16: WirePrimitive {}
extension UInt32: WirePrimitive {}
extension UInt64: WirePrimitive {}
extension UInt128: WirePrimitive {}
extension UInt: WirePrimitive {}
extension Int8: WirePrimitive {}
extension Int16: WirePrimitive {}
extension Int32: WirePrimitive {}
extension Int64: WirePrimitive {}
extension Int128: WirePrimitive {}
extension Int: WirePrimitive {}
extension Float16: WirePrimitive {}
extension Float: WirePrimitive {}
extension Double: WirePrimitive {}

extension Bool: WirePrimitive {
  @inline(__always)
  func write(to sink: WireSink) { sink.write(tag: self ? WireTag.true : WireTag.false) }

  @inline(__always)
  static func read(_ value: WireValue, from reader: WireReader) throws(WireFault) -> Bool {
    try reader.bool(value)
  }
}

extension String: WirePrimitive {
  @inline(__always)
  func write(to sink: WireSink) { sink.write(string: self) }

  @inline(__always)
  static func read(_ value: WireValue, from reader: WireReader) throws(WireFault) -> String {
    try reader.string(value)
  }
}

extension Array: WirePrimitive where Element: WireNumber {
  @inline(__always)
  func write(to sink: WireSink) { Element.write(self, to: sink) }

  @inline(__always)
  static func read(_ value: WireValue, from reader: WireReader) throws(WireFault) -> [Element] {
    try Element.readNumbers(value, from: reader)
  }

  static func reads(_ value: WireValue) -> Bool {
    value.tag == WireTag.numbers | Element.wireKind.rawValue
  }
}

extension WirePrimitive {
  /// Writes a value whose type is this one.
  static func write<T>(_ value: T, to sink: WireSink) {
    // `WireTypeCoding` told this type for `T`, so both are the same one.
    unsafeBitCast(value, to: Self.self).write(to: sink)
  }

  /// Reads a value whose type is this one.
  static func read<T>(
    _ type: T.Type, _ value: WireValue, from reader: WireReader
  ) throws(WireFault) -> T {
    // As above.
    unsafeBitCast(try read(value, from: reader), to: T.self)
  }
}
