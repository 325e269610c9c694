import Glibc

/// A growing run of encoded bytes.
///
/// Long strings and arrays are not copied in: the sink keeps a reference and the offset where their bytes belong, so
/// that they are copied once, into a result that has the right size.
///
/// It is a plain pointer: the encoders pass it around for each number, and no references are counted.
struct WireSink {
  /// Bytes that belong at an offset of the sink but lie elsewhere.
  struct Piece {
    let offset: Int
    let payload: any WirePayload
  }

  /// A point to which the sink can be taken back.
  struct Mark {
    let count: Int
    fileprivate let pieces: Int
  }

  /// From this many bytes on a payload is referred to instead of copied.
  static let pieceThreshold = 4096

  private struct State {
    // Owned: allocated here, freed by `deallocate`, and never handed out.
    var base = UnsafeMutableRawPointer.allocate(byteCount: 1024, alignment: 16)
    var capacity = 1024
    var pieces: [Piece] = []
    var count = 0
    var pieceBytes = 0
    var active: ObjectIdentifier?
  }

  // Valid until `deallocate`, which the message's encoder calls when nothing refers to it any more.
  private let state: UnsafeMutablePointer<State>

  static func allocate() -> WireSink {
    let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
    state.initialize(to: State())
    return WireSink(state: state)
  }

  func deallocate() {
    base.deallocate()
    state.deinitialize(count: 1)
    state.deallocate()
  }

  private var base: UnsafeMutableRawPointer {
    get { state.pointee.base }
    nonmutating set { state.pointee.base = newValue }
  }

  private(set) var capacity: Int {
    get { state.pointee.capacity }
    nonmutating set { state.pointee.capacity = newValue }
  }

  private var pieces: [Piece] {
    get { state.pointee.pieces }
    nonmutating _modify { yield &state.pointee.pieces }
  }

  private(set) var count: Int {
    get { state.pointee.count }
    nonmutating set { state.pointee.count = newValue }
  }

  private(set) var pieceBytes: Int {
    get { state.pointee.pieceBytes }
    nonmutating set { state.pointee.pieceBytes = newValue }
  }

  /// The one encoder that may write now. Only ever compared, and only with an encoder that is alive.
  var active: ObjectIdentifier? {
    get { state.pointee.active }
    nonmutating set { state.pointee.active = newValue }
  }

  /// All bytes, those of the pieces in their places.
  var bytes: [UInt8] {
    let total = count + pieceBytes
    return [UInt8](unsafeUninitializedCapacity: total) { buffer, initialized in
      guard let target = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
      copy(to: target)
      initialized = total
    }
  }

  /// The same, to where there is room for all of them.
  func copy(to target: UnsafeMutableRawPointer) {
    var target = target
    var copied = 0
    for piece in pieces {
      target.copyMemory(from: base + copied, byteCount: piece.offset - copied)
      target += piece.offset - copied
      copied = piece.offset
      piece.payload.copy(to: target)
      target += piece.payload.byteCount
    }
    target.copyMemory(from: base + copied, byteCount: count - copied)
  }

  /// Lends the bytes where they lie, or in a copy when there are pieces.
  func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    if pieces.isEmpty {
      try body(UnsafeRawBufferPointer(start: base, count: count))
    } else {
      try bytes.withUnsafeBytes(body)
    }
  }

  var mark: Mark { Mark(count: count, pieces: pieces.count) }

  func takeBack(to mark: Mark) {
    count = mark.count
    guard pieces.count > mark.pieces else { return }
    for piece in pieces[mark.pieces...] { pieceBytes -= piece.payload.byteCount }
    pieces.removeSubrange(mark.pieces...)
  }

  func removeAll() {
    if !pieces.isEmpty { pieces.removeAll(keepingCapacity: true) }
    pieceBytes = 0
    count = 0
    active = nil
  }

  @inline(__always)
  private func reserve(_ byteCount: Int) {
    if capacity - count < byteCount { grow(byteCount) }
  }

  @inline(never)
  private func grow(_ byteCount: Int) {
    let larger = max(capacity * 2, count + byteCount)
    let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    moved.copyMemory(from: base, byteCount: count)
    base.deallocate()
    base = moved
    capacity = larger
  }

  // MARK: Writing

  @inline(__always)
  func write(tag: UInt8) {
    reserve(1)
    base.storeBytes(of: tag, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  /// Writes a number in as many bytes as its kind has.
  @inline(__always)
  func write<N: WireNumber>(number: N) {
    reserve(1 + MemoryLayout<N>.size)
    base.storeBytes(of: WireTag.number | N.wireKind.rawValue, toByteOffset: count, as: UInt8.self)
    base.storeBytes(of: number, toByteOffset: count + 1, as: N.self)
    count += 1 + MemoryLayout<N>.size
  }

  /// Writes an integer in as few bytes as hold it, so that its declared width does not matter.
  @inline(__always)
  func write<I: FixedWidthInteger>(integer: I) {
    if I.bitWidth > 64 {
      if let small = Int64(exactly: integer) {
        writeSigned(small)
      } else if I.isSigned {
        write(number: Int128(truncatingIfNeeded: integer))
      } else {
        write(number: UInt128(truncatingIfNeeded: integer))
      }
    } else if I.isSigned {
      writeSigned(Int64(truncatingIfNeeded: integer))
    } else {
      writeUnsigned(UInt64(truncatingIfNeeded: integer))
    }
  }

  private func writeSigned(_ value: Int64) {
    if value >= 0 {
      writeUnsigned(UInt64(bitPattern: value))
    } else if value >= Int8.min {
      write(number: Int8(truncatingIfNeeded: value))
    } else if value >= Int16.min {
      write(number: Int16(truncatingIfNeeded: value))
    } else if value >= Int32.min {
      write(number: Int32(truncatingIfNeeded: value))
    } else {
      write(number: value)
    }
  }

  private func writeUnsigned(_ value: UInt64) {
    if value <= WireLimit.smallInteger {
      write(tag: WireTag.smallInteger | UInt8(truncatingIfNeeded: value))
    } else if value <= UInt8.max {
      write(number: UInt8(truncatingIfNeeded: value))
    } else if value <= UInt16.max {
      write(number: UInt16(truncatingIfNeeded: value))
    } else if value <= UInt32.max {
      write(number: UInt32(truncatingIfNeeded: value))
    } else {
      write(number: value)
    }
  }

  /// Writes a length, seven bits to a byte, the lowest first.
  func write(length: Int) {
    var rest = UInt64(length)
    while rest > 0x7F {
      write(tag: UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    write(tag: UInt8(truncatingIfNeeded: rest))
  }

  func write(string: String) {
    var string = string
    let length = string.utf8.count
    if length <= WireLimit.shortString {
      write(tag: WireTag.shortString | UInt8(truncatingIfNeeded: length))
    } else {
      write(tag: WireTag.string)
      write(length: length)
      if length >= Self.pieceThreshold { return attach(WireText(string: string, byteCount: length)) }
    }
    string.withUTF8 { copy(UnsafeRawBufferPointer($0)) }
  }

  func write<N: WireNumber>(numbers: [N]) {
    write(tag: WireTag.numbers | N.wireKind.rawValue)
    write(length: numbers.count)
    if numbers.count * MemoryLayout<N>.size >= Self.pieceThreshold {
      attach(WireNumbers(elements: numbers))
    } else {
      numbers.withUnsafeBytes { copy($0) }
    }
  }

  /// Writes a key and returns a hash of its bytes.
  func write(key: String) -> UInt64 {
    var key = key
    return key.withUTF8 { utf8 in
      write(length: utf8.count)
      copy(UnsafeRawBufferPointer(utf8))
      return WireKeyFilter.hash(UnsafeRawBufferPointer(utf8))
    }
  }

  @inline(__always)
  private func copy(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    reserve(bytes.count)
    memcpy(base + count, source, bytes.count)
    count += bytes.count
  }

  private func attach(_ payload: any WirePayload) {
    pieces.append(Piece(offset: count, payload: payload))
    pieceBytes += payload.byteCount
  }

  // MARK: Containers

  /// Makes room for a container's header, which `setHeader` fills in once the content is there.
  func reserveHeader(tag: UInt8) {
    let size =
      tag == WireTag.unkeyed ? WireLimit.containerWord + WireLimit.elementCount : WireLimit.containerWord
    reserve(size)
    count += size
  }

  func setHeader(at offset: Int, tag: UInt8, length: Int, elementCount: Int) {
    base.storeBytes(of: UInt64(length) << 8 | UInt64(tag), toByteOffset: offset, as: UInt64.self)
    if tag == WireTag.unkeyed {
      let stored = UInt32(clamping: elementCount)
      base.storeBytes(of: stored, toByteOffset: offset + WireLimit.containerWord, as: UInt32.self)
    }
  }

  /// The byte at an offset that has been written.
  func byte(at offset: Int) -> UInt8 { base.load(fromByteOffset: offset, as: UInt8.self) }

  /// Wraps the nil at the end of the sink in one more level of optional.
  func deepenNull() {
    base.storeBytes(of: WireTag.nestedNull, toByteOffset: count - 1, as: UInt8.self)
    write(tag: WireTag.null)
  }

  /// Appends what lies in another sink after `lower` and up to `upper`, its pieces included.
  ///
  /// A piece at an offset belongs to the tag before it: one at `upper` is taken, one at `lower` is not.
  func append(_ other: WireSink, from lower: Int, to upper: Int) {
    for piece in other.pieces[other.firstPiece(after: lower)...] {
      guard piece.offset <= upper else { break }
      pieces.append(Piece(offset: piece.offset - lower + count, payload: piece.payload))
      pieceBytes += piece.payload.byteCount
    }
    copy(UnsafeRawBufferPointer(start: other.base + lower, count: upper - lower))
  }

  private func firstPiece(after offset: Int) -> Int {
    var range = 0..<pieces.count
    while let middle = range.isEmpty ? nil : range.lowerBound + range.count / 2 {
      if pieces[middle].offset > offset {
        range = range.lowerBound..<middle
      } else {
        range = middle + 1..<range.upperBound
      }
    }
    return range.lowerBound
  }
}
