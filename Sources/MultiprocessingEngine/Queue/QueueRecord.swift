/// What goes ahead of an element in a block: its length, and a mark that tells a record from a gap.
///
/// A gap fills what is left of a ring where the next record does not fit in one piece.
struct QueueRecord: Equatable {
  static let headerSize = 8

  /// nil for a gap.
  let length: Int?

  init(length: Int?) { self.length = length }

  private static let lengthMask: UInt64 = 1 << 48 - 1
  private static let record: UInt64 = 0x5145 << 48
  private static let gap: UInt64 = 0x4741 << 48

  /// nil for what is neither.
  init?(header: UInt64) {
    switch header & ~Self.lengthMask {
    case Self.record: length = Int(header & Self.lengthMask)
    case Self.gap: length = nil
    default: return nil
    }
  }

  var header: UInt64 { length.map { Self.record | UInt64($0) } ?? Self.gap }

  /// The bytes a record takes up: header and element, filled up to the next header's alignment.
  static func size(ofElement length: Int) -> Int { headerSize + (length + 7) / 8 * 8 }
}
