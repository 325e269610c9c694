/// Reads the engine's own records: every length is checked against what is left.
package struct ByteReader {
  private var rest: Slice<UnsafeRawBufferPointer>

  package init(_ bytes: UnsafeRawBufferPointer) { rest = bytes[...] }

  // Written out for the numbers there are: a generic one would not be specialised across modules, and would make the child
  // look for metadata.
  package mutating func byte() throws -> UInt8 { try take(1)[0] }
  package mutating func uint32() throws -> UInt32 {
    UInt32(littleEndian: try take(4).loadUnaligned(as: UInt32.self))
  }
  package mutating func int32() throws -> Int32 {
    Int32(littleEndian: try take(4).loadUnaligned(as: Int32.self))
  }
  package mutating func int64() throws -> Int64 {
    Int64(littleEndian: try take(8).loadUnaligned(as: Int64.self))
  }

  package mutating func flag() throws -> Bool { try byte() != 0 }

  package mutating func string() throws -> String {
    String(decoding: try take(Int(try uint32())), as: UTF8.self)
  }

  package mutating func numbers() throws -> [Int] {
    let count = Int(try uint32())
    guard count <= rest.count / 8 else { throw FrameError.truncated }
    var numbers: [Int] = []
    for _ in 0..<count { numbers.append(Int(try int64())) }
    return numbers
  }

  /// A value that may be missing, behind a flag.
  package mutating func optional<Value>(_ read: (inout ByteReader) throws -> Value) throws -> Value? {
    try flag() ? try read(&self) : nil
  }

  package var isAtEnd: Bool { rest.isEmpty }

  /// Everything that is left.
  package mutating func remainder() -> UnsafeRawBufferPointer {
    defer { rest = rest.dropFirst(rest.count) }
    return UnsafeRawBufferPointer(rebasing: rest)
  }

  private mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count <= rest.count else { throw FrameError.truncated }
    defer { rest = rest.dropFirst(count) }
    return UnsafeRawBufferPointer(rebasing: rest.prefix(count))
  }
}

extension [UInt8] {
  package mutating func append(littleEndian number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  package mutating func append(flag: Bool) { append(flag ? 1 : 0) }

  package mutating func append(text: String) {
    append(littleEndian: UInt32(text.utf8.count))
    append(contentsOf: text.utf8)
  }

  package mutating func append(numbers: [Int]) {
    append(littleEndian: UInt32(numbers.count))
    for number in numbers { append(littleEndian: Int64(number)) }
  }

  package mutating func append<Value>(optional value: Value?, _ write: (inout [UInt8], Value) -> Void) {
    append(flag: value != nil)
    if let value { write(&self, value) }
  }
}
