import Synchronization

/// How values of a type are coded, apart from the type's own `encode(to:)` and `init(from:)`.
///
/// To find it out takes casts that ask the runtime for conformances, so it is remembered for each type.
struct WireTypeCoding {
  /// The type as a primitive, if it is one.
  let primitive: (any WirePrimitive.Type)?
  /// The type as an array, if it is one, whose elements can be encoded.
  let encodedArray: (any WireEncodedArray.Type)?
  /// The type as an array, if it is one, whose elements can be decoded.
  let decodedArray: (any WireDecodedArray.Type)?

  private init(finding type: Any.Type) {
    primitive = type as? any WirePrimitive.Type
    encodedArray = type as? any WireEncodedArray.Type
    decodedArray = type as? any WireDecodedArray.Type
  }

  @inline(__always)
  static func of<T>(_ type: T.Type) -> WireTypeCoding {
    let identity = ObjectIdentifier(type)
    let slot = Table.shared.slot(of: identity)
    if let entry = slot.pointee.load(ordering: .acquiring), entry.pointee.type == identity {
      return entry.pointee.coding
    }
    return search(type)
  }

  @inline(never)
  private static func search(_ type: Any.Type) -> WireTypeCoding {
    let identity = ObjectIdentifier(type)
    let coding = WireTypeCoding(finding: type)
    var entry: UnsafeMutablePointer<Entry>?
    for distance in 0..<Table.reach {
      let slot = Table.shared.slot(of: identity, distance)
      var found = slot.pointee.load(ordering: .acquiring)
      if found == nil {
        let new = entry ?? .allocate(capacity: 1)
        if entry == nil { new.initialize(to: Entry(type: identity, coding: coding)) }
        entry = new
        // Releases the entry's content to those who load the pointer, and acquires that of another who was first.
        let (stored, other) = slot.pointee.compareExchange(
          expected: nil, desired: new, ordering: .acquiringAndReleasing)
        if stored { return coding }
        found = other
      }
      if found?.pointee.type == identity { break }
    }
    entry?.deallocate()
    return coding
  }

  private struct Entry {
    let type: ObjectIdentifier
    let coding: WireTypeCoding
  }

  /// The types that have been met, in a table that only ever fills up: what is in it stays, so that it is read without
  /// a lock, also in a child that was forked while another thread wrote. A type that finds no room is looked up anew
  /// each time.
  private struct Table: Sendable {
    typealias Slot = UnsafeMutablePointer<Atomic<UnsafeMutablePointer<Entry>?>>

    static let shared = Table()
    static let reach = 8
    private static let bits = 10

    // Never freed, and never written to but through the atomics that it is full of.
    private nonisolated(unsafe) let slots: Slot

    private init() {
      slots = .allocate(capacity: 1 << Self.bits)
      for index in 0..<1 << Self.bits { (slots + index).initialize(to: Atomic(nil)) }
    }

    /// Where to look for a type first, or so many places further.
    @inline(__always)
    func slot(of type: ObjectIdentifier, _ distance: Int = 0) -> Slot {
      // The address of a type's metadata, whose lowest bits are the same for all.
      let product = UInt(bitPattern: type) &* 0x9E37_79B9_7F4A_7C15
      let index = Int(truncatingIfNeeded: product >> (UInt(UInt.bitWidth) - UInt(Self.bits)))
      return slots + (index &+ distance) & (1 << Self.bits - 1)
    }
  }
}
