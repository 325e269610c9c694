/// The bytes of a message on its way in, and what decodes them.
package final class WireMessage {
  // Owned: allocated here, freed by `deinit`, and lent to the decoder for the time of one call.
  private var storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 16)
  private var count = 0
  private var decoder = WireDecoder(UnsafeRawBufferPointer(start: nil, count: 0), userInfo: [:], descriptors: .none)

  deinit { storage.deallocate() }

  /// Becomes a copy of `bytes`.
  package func copy(_ bytes: UnsafeRawBufferPointer) {
    if storage.count < bytes.count {
      storage.deallocate()
      storage = .allocate(byteCount: max(bytes.count, 2 * storage.count), alignment: 16)
    }
    storage.copyMemory(from: bytes)
    count = bytes.count
  }

  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let bytes = UnsafeRawBufferPointer(start: storage.baseAddress, count: count)
    // What is wrong with the bytes, the decoder tells better.
    if let value = try? primitive(type, WireReader(bytes)) { return value }
    decoder.begin(bytes)
    defer { decoder.close() }
    let value = try decoder.next(type)
    try decoder.checkAtEnd()
    return value
  }

  /// A value that takes no decoder. Throws for every other one.
  @inline(__always)
  private func primitive<T: Decodable>(_ type: T.Type, _ reader: WireReader) throws(WireFault) -> T {
    guard let primitive = WireTypeCoding.of(type).primitive else { throw .mismatch }
    let value = try reader.value(at: 0, limit: count)
    guard value.end == count, primitive.reads(value) else { throw .mismatch }
    return try primitive.read(type, value, from: reader)
  }

  /// Whether it is worth keeping.
  var isSmall: Bool { storage.count <= 64 << 10 }

  /// Whether nobody has kept a decoder of a value, and with it this one's.
  var isUnshared: Bool { isKnownUniquelyReferenced(&decoder) }
}
