// The format, little-endian throughout. A message is a sequence of values, each a tag and what the tag asks for:
//
//     01                      nil
//     02, 03                  false, true
//     04                      a value whose type encoded nothing
//     05                      an optional that holds a nil optional; another 05 or 01 follows
//     08 varint utf8          a string
//     0A word entries         keyed container: each entry is `varint utf8` (the key) and a value
//     0B word entries         the same, and a key may occur more than once: the last one counts
//     0C word count values    unkeyed container; `count` takes four bytes
//     20 + kind               one number of that kind
//     30 + kind varint        that many numbers of that kind, packed
//     40…7F utf8              a string of 0…63 bytes
//     80…FF                   an integer 0…127
//
// A container's word is eight bytes: its tag in the lowest, the number of bytes after the word in the other seven.
// So each value can be stepped over without looking into it, and none takes less than one byte.

#if _endian(big) || !_pointerBitWidth(_64)
  #error("The format copies numbers as they lie in memory: little-endian, and 64 bits of them in an Int.")
#endif

/// The first byte of an encoded value.
enum WireTag {
  static let null: UInt8 = 0x01
  static let `false`: UInt8 = 0x02
  static let `true`: UInt8 = 0x03
  static let empty: UInt8 = 0x04
  static let nestedNull: UInt8 = 0x05
  static let string: UInt8 = 0x08
  static let keyed: UInt8 = 0x0A
  static let keyedWithRepeats: UInt8 = 0x0B
  static let unkeyed: UInt8 = 0x0C
  static let number: UInt8 = 0x20
  static let numbers: UInt8 = 0x30
  static let shortString: UInt8 = 0x40
  static let smallInteger: UInt8 = 0x80

  /// Whether a value of this tag is nil, at whatever level of optional.
  @inline(__always)
  static func isNull(_ tag: UInt8) -> Bool { tag == null || tag == nestedNull }
}

/// Sizes that encoder and decoder agree on.
enum WireLimit {
  /// How deep values may nest, in both directions. A level costs up to 3 KiB of stack in debug builds, and a thread
  /// may have as little as 512 KiB.
  static let depth = 128
  static let shortString = 63
  static let smallInteger: UInt64 = 0x7F
  static let containerWord = 8
  static let elementCount = 4
}

/// The fixed-size numbers that are encoded as they lie in memory.
enum WireKind: UInt8 {
  case uint8
  case uint16
  case uint32
  case uint64
  case uint128
  case int8
  case int16
  case int32
  case int64
  case int128
  case float16
  case float32
  case float64
  case bool

  @inline(__always)
  var size: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16, .float16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .uint128, .int128: 16
    }
  }

  /// The kind in the lower half of a tag, or nil if there is none of that number.
  @inline(__always)
  init?(tag: UInt8) { self.init(rawValue: tag & 0x0F) }
}

/// A number whose arrays are copied as a whole.
///
/// The two functions are requirements so that each number type has its own: generic code about arrays can call them
/// without asking the runtime for the metadata of an array.
protocol WireNumber: BitwiseCopyable, Codable {
  static var wireKind: WireKind { get }
  static func write(_ numbers: [Self], to sink: WireSink)
  static func readNumbers(_ value: WireValue, from reader: WireReader) throws(WireFault) -> [Self]
}

extension WireNumber {
  @inline(__always)
  static func write(_ numbers: [Self], to sink: WireSink) { sink.write(numbers: numbers) }

  @inline(__always)
  static func readNumbers(_ value: WireValue, from reader: WireReader) throws(WireFault) -> [Self] {
    try reader.numbers(Self.self, value)
  }
}

extension UInt8: WireNumber { static var wireKind: WireKind { .uint8 } }
extension UInt16: WireNumber { static var wireKind: WireKind { .uint16 } }
extension UInt32: WireNumber { static var wireKind: WireKind { .uint32 } }
extension UInt64: WireNumber { static var wireKind: WireKind { .uint64 } }
extension UInt128: WireNumber { static var wireKind: WireKind { .uint128 } }
extension UInt: WireNumber { static var wireKind: WireKind { .uint64 } }
extension Int8: WireNumber { static var wireKind: WireKind { .int8 } }
extension Int16: WireNumber { static var wireKind: WireKind { .int16 } }
extension Int32: WireNumber { static var wireKind: WireKind { .int32 } }
extension Int64: WireNumber { static var wireKind: WireKind { .int64 } }
extension Int128: WireNumber { static var wireKind: WireKind { .int128 } }
extension Int: WireNumber { static var wireKind: WireKind { .int64 } }
extension Float16: WireNumber { static var wireKind: WireKind { .float16 } }
extension Float: WireNumber { static var wireKind: WireKind { .float32 } }
extension Double: WireNumber { static var wireKind: WireKind { .float64 } }
extension Bool: WireNumber { static var wireKind: WireKind { .bool } }

/// Tells optionals from other types, so that an optional inside an optional keeps its levels.
protocol WireOptional {
  static var wrapsOptional: Bool { get }
}

extension Optional: WireOptional {
  static var wrapsOptional: Bool { Wrapped.self is any WireOptional.Type }
}
