extension String {
  /// How many columns of a terminal it takes: East Asian characters and pictures take two, marks that join others none.
  var screenWidth: Int { reduce(0) { $0 + $1.screenWidth } }

  /// The beginning that fits into so many columns.
  func prefix(columns: Int) -> Substring {
    var left = columns
    let end = firstIndex { character in
      left -= character.screenWidth
      return left < 0
    }
    return self[..<(end ?? endIndex)]
  }
}

extension Character {
  /// As wide as its widest part: what joins it draws over it.
  fileprivate var screenWidth: Int { unicodeScalars.map(\.screenWidth).max() ?? 0 }
}

extension Unicode.Scalar {
  fileprivate var screenWidth: Int {
    // Most of what is ever shown.
    if value < 0x300 { return 1 }
    // It makes a picture of the character before it.
    if value == 0xFE0F { return 2 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    if properties.isEmojiPresentation { return 2 }
    return Self.wide.contains { $0.contains(value) } ? 2 : 1
  }

  /// What Unicode's UAX #11 calls wide and full width, by whole blocks.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
    0xF900...0xFAFF,
    0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18CFF, 0x1AFF0...0x1B2FF,
    0x20000...0x3FFFD,
  ]
}
