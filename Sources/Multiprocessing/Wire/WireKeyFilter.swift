/// Notices, while a keyed container is encoded, that a key may have been written before.
///
/// A Bloom filter of 256 bits: it never misses a repeated key. A false alarm, rare up to 24 keys or so, only makes the
/// decoder index the container.
struct WireKeyFilter {
  private var first: UInt64 = 0
  private var second: UInt64 = 0
  private var third: UInt64 = 0
  private var fourth: UInt64 = 0

  /// Whether any key may have been inserted twice.
  private(set) var mayHaveRepeats = false

  /// Inserts a key and tells whether it may have been there.
  @inline(__always)
  mutating func insert(hash: UInt64) -> Bool {
    let bits = (
      1 << (hash & 63) as UInt64, 1 << (hash >> 6 & 63) as UInt64, 1 << (hash >> 12 & 63) as UInt64,
      1 << (hash >> 18 & 63) as UInt64
    )
    let maybeKnown =
      first & bits.0 != 0 && second & bits.1 != 0 && third & bits.2 != 0 && fourth & bits.3 != 0
    first |= bits.0
    second |= bits.1
    third |= bits.2
    fourth |= bits.3
    if maybeKnown { mayHaveRepeats = true }
    return maybeKnown
  }

  /// A quick hash of a key's bytes, the same in each run. Not meant to withstand anyone: a collision costs time only.
  static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = UInt64(truncatingIfNeeded: bytes.count)
    var offset = 0
    while bytes.count - offset >= 8 {
      hash = mixed(hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    var rest: UInt64 = 0
    while offset < bytes.count {
      rest = rest << 8 | UInt64(bytes[offset])
      offset += 1
    }
    return mixed(hash ^ rest)
  }

  @inline(__always)
  private static func mixed(_ word: UInt64) -> UInt64 {
    let product = word.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low
  }
}
