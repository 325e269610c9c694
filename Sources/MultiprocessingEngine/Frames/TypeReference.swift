import CMultiprocessing

/// A type's name for another process that runs the same program.
package struct TypeReference {
  /// As the compiler mangles it. Enough for all but private and local types.
  private let mangledName: String
  /// The type's own name, and where its descriptor lies, which a fork leaves in its place.
  private let name: String
  private let descriptor: UInt
  private let sum: UInt64

  package init(of type: Any.Type) {
    mangledName = _mangledTypeName(type) ?? ""
    name = _typeName(type, qualified: false)
    descriptor =
      mp_type_descriptor(unsafeBitCast(type, to: UnsafeRawPointer.self)).map { UInt(bitPattern: $0) } ?? 0
    sum = Self.sum(mangledName, name, descriptor)
  }

  /// The runtime trusts the names that it is given, and reads whatever they point it to. What a bad pointer has written over a reference does not
  /// come with the right sum (FNV-1a).
  private static func sum(_ mangledName: String, _ name: String, _ descriptor: UInt) -> UInt64 {
    var sum: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ byte: UInt8) { sum = (sum ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    for name in [mangledName, name] {
      for byte in name.utf8 { add(byte) }
      // Not in any text.
      add(0xFF)
    }
    withUnsafeBytes(of: UInt64(descriptor).littleEndian) { for byte in $0 { add(byte) } }
    return sum
  }

  package init(reading reader: inout ByteReader) throws {
    mangledName = try reader.string()
    name = try reader.string()
    descriptor = UInt(bitPattern: Int(try reader.int64()))
    sum = UInt64(bitPattern: try reader.int64())
  }

  package func append(to bytes: inout [UInt8]) {
    bytes.append(text: mangledName)
    bytes.append(text: name)
    bytes.append(littleEndian: Int64(Int(bitPattern: descriptor)))
    bytes.append(littleEndian: sum)
  }

  /// nil for a type that does not exist here, and for what is no reference.
  package func resolve() -> Any.Type? {
    guard sum == Self.sum(mangledName, name, descriptor) else { return nil }
    if let type = _typeByName(mangledName) { return type }
    guard let descriptor = UnsafeRawPointer(bitPattern: descriptor),
      let metadata = mp_type_of_descriptor(descriptor, name)
    else { return nil }
    // The C side has seen that a descriptor of this very name lies there, in the program's own image.
    return unsafeBitCast(metadata, to: Any.Type.self)
  }
}
