import CMultiprocessing

/// A type's name for another process that runs the same program.
package struct TypeReference {
  /// As the compiler mangles it. Enough for all but private and local types.
  private let mangledName: String
  /// The type's own name, and where its descriptor lies, which a fork leaves in its place.
  private let name: String
  private let descriptor: UInt

  package init(of type: Any.Type) {
    mangledName = _mangledTypeName(type) ?? ""
    name = _typeName(type, qualified: false)
    descriptor =
      mp_type_descriptor(unsafeBitCast(type, to: UnsafeRawPointer.self)).map { UInt(bitPattern: $0) } ?? 0
  }

  package init(reading reader: inout ByteReader) throws {
    mangledName = try reader.string()
    name = try reader.string()
    descriptor = UInt(bitPattern: Int(try reader.int64()))
  }

  package func append(to bytes: inout [UInt8]) {
    bytes.append(text: mangledName)
    bytes.append(text: name)
    bytes.append(littleEndian: Int64(Int(bitPattern: descriptor)))
  }

  package func resolve() -> Any.Type? {
    if let type = _typeByName(mangledName) { return type }
    guard let descriptor = UnsafeRawPointer(bitPattern: descriptor),
      let metadata = mp_type_of_descriptor(descriptor, name)
    else { return nil }
    // The C side has seen that a descriptor of this very name lies there, in the program's own image.
    return unsafeBitCast(metadata, to: Any.Type.self)
  }
}
