/// A small generator of random numbers (xorshift64*) that repeats its sequence for the same seed.
struct FuzzSource: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed | 1 }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }

  mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &self) == 0 }

  mutating func number(below bound: Int) -> Int { Int.random(in: 0..<max(bound, 1), using: &self) }

  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next() >> 33) }

  // MARK: Inputs

  /// Bytes with a few things changed.
  mutating func mutated(_ original: [UInt8], with others: [[UInt8]]) -> [UInt8] {
    var bytes = original
    for _ in 0...number(below: 4) {
      if bytes.isEmpty { bytes.append(byte()) }
      let position = number(below: bytes.count)
      switch number(below: 9) {
      case 0: bytes[position] = byte()
      case 1: bytes[position] ^= 1 << UInt8(number(below: 8))
      case 2:
        bytes[position] = [0x00, 0x01, 0x7F, 0x80, 0xFF, 0x04, 0x05, 0x0A, 0x0B, 0x0C][number(below: 10)]
      case 3: bytes[position] &+= chance(2) ? 1 : 255
      case 4: bytes.removeSubrange(position...)
      case 5: bytes.removeSubrange(position..<min(bytes.count, position + 1 + number(below: 8)))
      case 6: bytes.insert(contentsOf: (0...number(below: 8)).map { _ in byte() }, at: position)
      case 7:
        let other = others[number(below: others.count)]
        let start = number(below: other.count)
        bytes.replaceSubrange(
          position..<min(bytes.count, position + number(below: 16)), with: other[start...])
      default:
        let length = min(8, bytes.count - position)
        for index in 0..<length { bytes[position + index] = chance(2) ? 0xFF : 0x00 }
      }
    }
    return bytes
  }

  /// A value that follows the format, or nearly: its parts are right more often than not.
  mutating func value(depth: Int = 0) -> [UInt8] {
    switch number(below: depth > 6 ? 7 : 12) {
    case 0: return [[0x01], [0x02], [0x03], [0x04], [0x05, 0x01]][number(below: 5)]
    case 1: return [0x80 | byte()]
    case 2:
      let sizes = [1, 2, 4, 8, 16, 1, 2, 4, 8, 16, 2, 4, 8, 1]
      let kind = number(below: 14)
      return [0x20 + UInt8(kind)] + (0..<sizes[kind]).map { _ in kind == 13 ? byte() & 1 : byte() }
    case 3:
      let sizes = [1, 2, 4, 8, 16, 1, 2, 4, 8, 16, 2, 4, 8, 1]
      let kind = number(below: 14)
      let count = number(below: 6)
      return [0x30 + UInt8(kind), UInt8(chance(20) ? 100 : count)]
        + (0..<count * sizes[kind]).map { _ in kind == 13 ? byte() & 1 : byte() }
    case 4, 5:
      let text = text()
      return [0x40 + UInt8(text.count)] + text
    case 6:
      let text = text() + text()
      return [0x08, UInt8(chance(20) ? 127 : text.count)] + text
    case 7, 8, 9:
      var content: [UInt8] = []
      for _ in 0..<number(below: 6) {
        let key = text()
        content += [UInt8(key.count)] + key + value(depth: depth + 1)
      }
      return word(chance(3) ? 0x0B : 0x0A, content.count) + content
    default:
      let count = number(below: 6)
      let content = (0..<count).flatMap { _ in value(depth: depth + 1) }
      return word(0x0C, content.count + 4) + [UInt8(chance(20) ? 6 : count), 0, 0, 0] + content
    }
  }

  private mutating func word(_ tag: UInt8, _ length: Int) -> [UInt8] {
    let length = UInt64(chance(40) ? number(below: 1000) : length)
    return [tag] + (0..<7).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
  }

  /// Mostly the keys that the subjects ask for.
  private mutating func text() -> [UInt8] {
    let known = [
      "id", "ratio", "name", "choice", "children", "extra", "load", "super", "wheels", "none", "one", "_0",
      "named",
      "text", "leaf", "key", "7", "", "é", "\0",
    ]
    if chance(30) { return (0..<number(below: 5)).map { _ in byte() } }
    return Array(known[number(below: known.count)].utf8)
  }
}
