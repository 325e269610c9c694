/// JSON, as far as an event of a trace needs it. Every input gives a value or nil, in time and memory that its length bounds.
package enum TraceJSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case text(String)
  case array([TraceJSON])
  /// Of keys that come twice, the last one counts.
  case object([String: TraceJSON])

  /// Events nest three deep.
  private static let deepest = 16

  /// nil unless the bytes are exactly one value.
  package init?(_ bytes: some RandomAccessCollection<UInt8>) {
    var parser = Parser(Array(bytes))
    guard let value = parser.value(depth: 0) else { return nil }
    parser.skipSpace()
    guard parser.isAtEnd else { return nil }
    self = value
  }

  package subscript(key: String) -> TraceJSON? {
    if case .object(let members) = self { members[key] } else { nil }
  }

  package var text: String? { if case .text(let text) = self { text } else { nil } }
  package var number: Double? { if case .number(let number) = self { number } else { nil } }
  /// nil for a number that is no whole one, or not an `Int`.
  package var whole: Int? { number.flatMap { Int(exactly: $0) } }

  private struct Parser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }
    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
      while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    private mutating func take(_ character: Character) -> Bool {
      guard next == character.asciiValue else { return false }
      position += 1
      return true
    }

    private mutating func take(word: StaticString) -> Bool {
      let count = word.utf8CodeUnitCount
      guard bytes.count - position >= count else { return false }
      for index in 0..<count where bytes[position + index] != word.utf8Start[index] { return false }
      position += count
      return true
    }

    mutating func value(depth: Int) -> TraceJSON? {
      guard depth < TraceJSON.deepest else { return nil }
      skipSpace()
      switch next {
      case UInt8(ascii: "{"): return object(depth)
      case UInt8(ascii: "["): return array(depth)
      case UInt8(ascii: "\""): return string().map { .text($0) }
      case UInt8(ascii: "t"): return take(word: "true") ? .bool(true) : nil
      case UInt8(ascii: "f"): return take(word: "false") ? .bool(false) : nil
      case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
      default: return number()
      }
    }

    private mutating func object(_ depth: Int) -> TraceJSON? {
      var members: [String: TraceJSON] = [:]
      position += 1
      skipSpace()
      if take("}") { return .object(members) }
      while true {
        skipSpace()
        guard next == UInt8(ascii: "\""), let key = string() else { return nil }
        skipSpace()
        guard take(":"), let value = value(depth: depth + 1) else { return nil }
        members[key] = value
        skipSpace()
        if take("}") { return .object(members) }
        guard take(",") else { return nil }
      }
    }

    private mutating func array(_ depth: Int) -> TraceJSON? {
      var elements: [TraceJSON] = []
      position += 1
      skipSpace()
      if take("]") { return .array(elements) }
      while true {
        guard let value = value(depth: depth + 1) else { return nil }
        elements.append(value)
        skipSpace()
        if take("]") { return .array(elements) }
        guard take(",") else { return nil }
      }
    }

    /// Decimal digits with a fraction and an exponent, as `Double` reads them; nil for what that calls infinite.
    private mutating func number() -> TraceJSON? {
      let start = position
      _ = take("-")
      let whole = digits()
      guard whole > 0, whole == 1 || bytes[position - whole] != UInt8(ascii: "0") else { return nil }
      if take(".") { guard digits() > 0 else { return nil } }
      if take("e") || take("E") {
        _ = take("-") || take("+")
        guard digits() > 0 else { return nil }
      }
      guard let number = Double(String(decoding: bytes[start..<position], as: UTF8.self)), number.isFinite else {
        return nil
      }
      return .number(number)
    }

    private mutating func digits() -> Int {
      let start = position
      while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
      return position - start
    }

    private mutating func string() -> String? {
      position += 1
      var text: [UInt8] = []
      while let byte = next {
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
        case UInt8(ascii: "\\"):
          guard let scalar = escape() else { return nil }
          text.append(contentsOf: String(scalar).utf8)
        case ..<0x20: return nil
        default: text.append(byte)
        }
      }
      return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
      guard let byte = next else { return nil }
      position += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
      case UInt8(ascii: "b"): return "\u{8}"
      case UInt8(ascii: "f"): return "\u{C}"
      case UInt8(ascii: "n"): return "\n"
      case UInt8(ascii: "r"): return "\r"
      case UInt8(ascii: "t"): return "\t"
      case UInt8(ascii: "u"): return unicode()
      default: return nil
      }
    }

    private mutating func unicode() -> Unicode.Scalar? {
      guard let unit = hexadecimal() else { return nil }
      guard (0xD800..<0xDC00).contains(unit) else { return Unicode.Scalar(unit) ?? "\u{FFFD}" }
      // The first half of a pair; without its second one it is no character.
      let after = position
      if take("\\"), take("u"), let second = hexadecimal(), (0xDC00..<0xE000).contains(second) {
        return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00))
      }
      position = after
      return "\u{FFFD}"
    }

    private mutating func hexadecimal() -> UInt32? {
      guard bytes.count - position >= 4 else { return nil }
      var number: UInt32 = 0
      for byte in bytes[position..<position + 4] {
        guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
        number = number << 4 | UInt32(digit)
      }
      position += 4
      return number
    }
  }
}
