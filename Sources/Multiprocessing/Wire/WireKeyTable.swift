/// Where the entries of one keyed container lie, by key.
///
/// A container's entries are usually asked for in the order in which they lie, and need no table; this one is for
/// containers that are large and read in another order, or that repeat keys. It hashes with the process's random seed,
/// so that nobody can prepare keys that collide.
struct WireKeyTable {
  // Offsets of entries, open addressing, at most half full; -1 is a free slot.
  private var slots: [Int]
  private let limit: Int

  /// Whether a key occurs more than once. The table then holds the last entry of each.
  private(set) var hasRepeats = false

  /// Reads all entries that lie between two offsets.
  init(_ reader: WireReader, start: Int, limit: Int) throws(WireFault) {
    var count = 0
    var offset = start
    while offset < limit {
      offset = try reader.entry(at: offset, limit: limit).value.end
      count += 1
    }
    self.limit = limit
    slots = [Int](repeating: -1, count: 1 << (Int.bitWidth - count.leadingZeroBitCount + 1))
    offset = start
    while offset < limit {
      let entry = try reader.entry(at: offset, limit: limit)
      let (slot, isTaken) = try find(reader.key(of: entry), in: reader)
      if isTaken { hasRepeats = true }
      slots[slot] = offset
      offset = entry.value.end
    }
  }

  /// The offset of the last entry with this key.
  func offset(of key: UnsafeRawBufferPointer, in reader: WireReader) throws(WireFault) -> Int? {
    let (slot, isTaken) = try find(key, in: reader)
    return isTaken ? slots[slot] : nil
  }

  private func find(
    _ key: UnsafeRawBufferPointer, in reader: WireReader
  ) throws(WireFault) -> (slot: Int, isTaken: Bool) {
    var hasher = Hasher()
    hasher.combine(bytes: key)
    var slot = hasher.finalize() & (slots.count - 1)
    while slots[slot] >= 0 {
      if reader.matches(try reader.entry(at: slots[slot], limit: limit), key) { return (slot, true) }
      slot = (slot + 1) & (slots.count - 1)
    }
    return (slot, false)
  }
}
