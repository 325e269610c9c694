import Synchronization

/// One direction of a lane: records of any length up to a quarter of the ring, written by one process and read by another, without a lock.
///
///     word   length of the payload, and above it the kind; 0: the rest of the ring is skipped
///     ...    payload, up to a multiple of 8
///
/// A record is there by one store of the tail and gone by one store of the head: a side that dies at any instruction has written a record or
/// none, and holds nothing that the other one could wait for.
package struct LaneRing {
  let base: UnsafeMutableRawPointer
  let size: Int
  /// Bytes written and read since the beginning, on cache lines of their own.
  let tail: SharedWord
  let head: SharedWord

  static let headerSize = 8

  /// How many bytes have been written.
  package var tailSeen: UInt64 { tail.observe() }

  var longestRecord: Int { size / 4 }

  static func footprint(_ payload: Int) -> Int { headerSize + (payload + 7) / 8 * 8 }
}

/// What a record says of itself, and where its payload lies until it is let go of.
package struct LaneRecord {
  package let kind: UInt8
  package let payload: UnsafeMutableRawBufferPointer
}

/// The writing side. For one thread at a time.
package struct LaneWriter {
  private let ring: LaneRing
  private var tail: UInt64 = 0
  /// The head as it was last seen: older than the truth at most.
  private var headSeen: UInt64 = 0

  init(_ ring: LaneRing) { self.ring = ring }

  package var longestPayload: Int { ring.longestRecord - LaneRing.headerSize }

  /// Room for a payload, to be filled before `commit`; nil when the reader has to make some first. Asking again gives the same room.
  package mutating func room(for length: Int) -> UnsafeMutableRawPointer? {
    let needed = LaneRing.footprint(length)
    precondition(needed <= ring.longestRecord)
    let toTheEnd = ring.size - Int(truncatingIfNeeded: tail) & (ring.size - 1)
    let skipped = toTheEnd < needed ? toTheEnd : 0
    if UInt64(ring.size) - (tail - headSeen) < UInt64(needed + skipped) {
      // What the reader has done with the record before is over once this has been seen.
      headSeen = ring.head.observe()
      if UInt64(ring.size) - (tail - headSeen) < UInt64(needed + skipped) { return nil }
    }
    if skipped > 0 {
      place.storeBytes(of: 0, as: UInt64.self)
      tail += UInt64(skipped)
    }
    return place + LaneRing.headerSize
  }

  /// Where the next record begins.
  private var place: UnsafeMutableRawPointer { ring.base + Int(truncatingIfNeeded: tail) & (ring.size - 1) }

  /// The record that lies in the room is there for the reader.
  package mutating func commit(_ kind: UInt8, _ length: Int) {
    place.storeBytes(of: UInt64(length) | UInt64(kind) << 56, as: UInt64.self)
    tail += UInt64(LaneRing.footprint(length))
    ring.tail.publish(tail)
  }

  /// Whether the reader has not let go of all that was committed.
  package var isUnread: Bool { ring.head.observe() != tail }

  /// Where the record will lie that is being written: for a reader that finds its writer dead.
  package var position: UInt64 { tail }

  /// Whether nothing was written over the record that began there.
  package func isIntact(_ position: UInt64) -> Bool { tail - position <= UInt64(ring.size) }
}

/// The reading side. For one thread at a time.
package struct LaneReader {
  private let ring: LaneRing
  private var head: UInt64 = 0
  private var tailSeen: UInt64 = 0

  init(_ ring: LaneRing) { self.ring = ring }

  /// Whether there is a record.
  package mutating func isEmpty() -> Bool {
    if head != tailSeen { return false }
    tailSeen = ring.tail.observe()
    return head == tailSeen
  }

  /// The next record, which stays until `release`; nil when there is none.
  package mutating func next() -> LaneRecord? {
    while !isEmpty() {
      let place = ring.base + Int(truncatingIfNeeded: head) & (ring.size - 1)
      let word = place.load(as: UInt64.self)
      if word == 0 {
        head += UInt64(ring.size - Int(truncatingIfNeeded: head) & (ring.size - 1))
        continue
      }
      return LaneRecord(
        kind: UInt8(truncatingIfNeeded: word >> 56),
        payload: UnsafeMutableRawBufferPointer(
          start: place + LaneRing.headerSize, count: Int(truncatingIfNeeded: word & 0xFF_FFFF_FFFF)))
    }
    return nil
  }

  /// Lets go of the record that `next` gave; its room is the writer's again.
  package mutating func release(_ record: LaneRecord) {
    head += UInt64(LaneRing.footprint(record.payload.count))
    ring.head.publish(head)
  }

  /// Where the next record begins.
  package var position: UInt64 { head }

  /// The room of a record that its writer, who is dead, has begun at `position` and not committed.
  package func unfinished(at position: UInt64) -> UnsafeMutableRawPointer {
    ring.base + Int(truncatingIfNeeded: position) & (ring.size - 1) + LaneRing.headerSize
  }
}
