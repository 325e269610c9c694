/// The bytes of an event, in memory of a fixed size: no name, however long or strange, makes a line longer or breaks its JSON.
struct TraceLine {
  /// More than an event takes: three texts, and some 300 bytes beside them.
  static let capacity = 4000
  /// The bytes that a text takes at most, escaped.
  static let longestText = 1000

  private let buffer: UnsafeMutableRawBufferPointer
  private var count = 0

  init(_ buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[..<count]) }

  private mutating func add(byte: UInt8) {
    guard count < buffer.count else { return }
    buffer[count] = byte
    count += 1
  }

  /// Adds what needs no escaping.
  mutating func add(_ text: StaticString) {
    for index in 0..<text.utf8CodeUnitCount { add(byte: text.utf8Start[index]) }
  }

  mutating func add(number: Int) {
    if number < 0 { add("-") }
    add(digits: number.magnitude)
  }

  /// Writes nanoseconds as microseconds with a fraction.
  mutating func add(microseconds nanoseconds: UInt64) {
    add(digits: UInt(nanoseconds / 1000))
    add(".")
    let fraction = UInt8(nanoseconds % 1000 / 100)
    add(byte: Self.zero + fraction)
    add(byte: Self.zero + UInt8(nanoseconds % 100 / 10))
    add(byte: Self.zero + UInt8(nanoseconds % 10))
  }

  private mutating func add(digits number: UInt) {
    if number >= 10 { add(digits: number / 10) }
    add(byte: Self.zero + UInt8(number % 10))
  }

  /// Adds a JSON string. A long text loses its end, at the end of a character.
  mutating func add(text: String) {
    var text = text
    add("\"")
    text.withUTF8 { utf8 in
      let end = count + Self.longestText
      for byte in utf8 {
        // Where a character begins there is room for all of it, or for its escape.
        if byte & 0xC0 != 0x80, count + 6 > end {
          add("…")
          break
        }
        add(escaping: byte)
      }
    }
    add("\"")
  }

  private mutating func add(escaping byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): add("\\\"")
    case UInt8(ascii: "\\"): add("\\\\")
    case ..<0x20:
      add("\\u00")
      add(byte: Self.hexadecimal(byte >> 4))
      add(byte: Self.hexadecimal(byte & 0xF))
    default: add(byte: byte)
    }
  }

  private static let zero = UInt8(ascii: "0")
  private static func hexadecimal(_ digit: UInt8) -> UInt8 {
    digit < 10 ? zero + digit : UInt8(ascii: "a") + digit - 10
  }
}
