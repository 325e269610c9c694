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

/// `T` as a primitive, or nil if it is none.
///
/// Generic code (`Array`, `Dictionary`, `Optional`) hands every value over as some `T`, which is recognised by identity
/// here: a cast with `as?` would ask the runtime for a conformance each time. The size decides first, which keeps the
/// chains short.
func wirePrimitive<T>(_ type: T.Type) -> (any WirePrimitive.Type)? {
  switch MemoryLayout<T>.size {
  case 1:
    if T.self == Bool.self { return Bool.self }
    if T.self == UInt8.self { return UInt8.self }
    if T.self == Int8.self { return Int8.self }
  case 2:
    if T.self == Int16.self { return Int16.self }
    if T.self == UInt16.self { return UInt16.self }
    if T.self == Float16.self { return Float16.self }
  case 4:
    if T.self == Int32.self { return Int32.self }
    if T.self == UInt32.self { return UInt32.self }
    if T.self == Float.self { return Float.self }
  case 8:
    if T.self == Int.self { return Int.self }
    if T.self == Double.self { return Double.self }
    if T.self == UInt64.self { return UInt64.self }
    if T.self == Int64.self { return Int64.self }
    if T.self == UInt.self { return UInt.self }
    return wireNumbers(type)
  case 16:
    if T.self == String.self { return String.self }
    if T.self == Int128.self { return Int128.self }
    if T.self == UInt128.self { return UInt128.self }
  default:
    break
  }
  return nil
}

private func wireNumbers<T>(_ type: T.Type) -> (any WirePrimitive.Type)? {
  if T.self == [UInt8].self { return [UInt8].self }
  if T.self == [Double].self { return [Double].self }
  if T.self == [Int].self { return [Int].self }
  if T.self == [Float].self { return [Float].self }
  if T.self == [Int32].self { return [Int32].self }
  if T.self == [UInt32].self { return [UInt32].self }
  if T.self == [Int64].self { return [Int64].self }
  if T.self == [UInt64].self { return [UInt64].self }
  if T.self == [UInt].self { return [UInt].self }
  if T.self == [Int16].self { return [Int16].self }
  if T.self == [UInt16].self { return [UInt16].self }
  if T.self == [Int8].self { return [Int8].self }
  if T.self == [Bool].self { return [Bool].self }
  if T.self == [Float16].self { return [Float16].self }
  if T.self == [Int128].self { return [Int128].self }
  if T.self == [UInt128].self { return [UInt128].self }
  return nil
}

extension WirePrimitive {
  /// Writes a value whose type is this one.
  static func write<T>(_ value: T, to sink: WireSink) {
    // `wirePrimitive(T.self)` returned this type, so both are the same one.
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
