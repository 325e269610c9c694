/// Decodes one value: the `Decoder` that its `init(from:)` receives.
///
/// It also is what its keyed containers share: a cursor in the entries. Keys asked for in the order in which they were
/// written are found where the cursor stands; others are searched for, and large containers get a table.
final class WireValueDecoder: Decoder, WirePathNode {
  // Both are kept alive by `owner`, or by those that wait for this value.
  unowned(unsafe) let context: WireDecoder
  unowned(unsafe) let parent: WireValueDecoder?
  private(set) var value: WireValue
  // The key and the references below are each read or set in one step, which takes no check for exclusive access.
  @exclusivity(unchecked) private(set) var key: (any CodingKey)?
  private var depth: Int
  private var valueType: Any.Type
  private var cursor: Int
  private var longSearches = 0
  @exclusivity(unchecked) private var table: WireKeyTable?
  private var hasRepeats = false

  // The parent, or else the context, once this decoder may outlive the call that made it.
  @exclusivity(unchecked) private var owner: AnyObject?

  // A decoder for a value in this one: made once, then used for each in turn. Retained by hand, released
  // in `deinit`: to assign a reference takes a check for exclusive access each time.
  private var spare: Unmanaged<WireValueDecoder>?

  private init(
    _ valueType: Any.Type, _ value: WireValue, in context: WireDecoder, parent: WireValueDecoder?,
    key: (any CodingKey)?
  ) {
    self.valueType = valueType
    self.value = value
    self.context = context
    self.parent = parent
    self.key = key
    depth = if let parent { parent.depth + 1 } else { 1 }
    cursor = value.start
  }

  deinit { spare?.release() }

  /// Becomes the decoder of another value in the same one.
  @inline(__always)
  private func reuse(for valueType: Any.Type, _ value: WireValue, key: (any CodingKey)?, depth: Int) {
    self.valueType = valueType
    self.value = value
    self.key = key
    self.depth = depth
    cursor = value.start
    longSearches = 0
    if table != nil { table = nil }
    hasRepeats = false
  }

  var reader: WireReader { context.reader }
  var userInfo: [CodingUserInfoKey: Any] { context.userInfo }

  /// A descriptor that came with the message, by the index that `attach(descriptor:)` returned.
  func descriptor(at index: Int) throws -> WireDescriptor {
    guard let descriptor = context.descriptors.take(at: index) else {
      throw corrupted("The message has no file descriptor of index \(index).")
    }
    return descriptor
  }

  // MARK: Values

  /// Decodes a value that lies in no other.
  static func decode<T: Decodable>(_ type: T.Type, _ value: WireValue, in context: WireDecoder) throws -> T {
    let coding = WireTypeCoding.of(type)
    if let primitive = coding.primitive, primitive.reads(value) {
      do throws(WireFault) {
        return try primitive.read(type, value, from: context.reader)
      } catch {
        throw error.decodingError(for: type, at: [])
      }
    }
    var decoder: WireValueDecoder
    if let spare = context.takeSpare() {
      decoder = spare
      decoder.reuse(for: type, value, key: nil, depth: 1)
    } else {
      decoder = WireValueDecoder(type, value, in: context, parent: nil, key: nil)
    }
    defer {
      if isKnownUniquelyReferenced(&decoder) {
        context.keep(decoder)
      } else {
        decoder.owner = context
      }
    }
    return try decoder.decodeWhole(type, coding)
  }

  /// Decodes a value that lies in this one.
  func decode<T: Decodable>(_ type: T.Type, _ value: WireValue, key: some CodingKey) throws -> T {
    let coding = WireTypeCoding.of(type)
    if let primitive = coding.primitive, primitive.reads(value) {
      return try locating(type, key) { (reader) throws(WireFault) in
        try primitive.read(type, value, from: reader)
      }
    }
    var decoder: WireValueDecoder
    if let spare {
      decoder = spare.takeRetainedValue()
      self.spare = nil
      decoder.reuse(for: type, value, key: key, depth: depth + 1)
    } else {
      decoder = WireValueDecoder(type, value, in: context, parent: self, key: key)
    }
    defer {
      // Somebody who kept the decoder goes on with the value it was made for.
      if isKnownUniquelyReferenced(&decoder) {
        // There is one already if a value in that value was coded by this decoder.
        if spare == nil { spare = .passRetained(decoder) }
      } else {
        decoder.owner = self
      }
    }
    return try decoder.decodeWhole(type, coding)
  }

  private func decodeWhole<T: Decodable>(_ type: T.Type, _ coding: WireTypeCoding) throws -> T {
    try checkDepth()
    if value.tag == WireTag.unkeyed, let array = coding.decodedArray {
      return try array.decode(type, by: self)
    }
    return try T(from: self)
  }

  /// Decodes a value that lies in this one, unless it is nil. An optional may be there and hold a nil.
  func decodeIfPresent<T: Decodable>(_ type: T.Type, _ value: WireValue, key: some CodingKey) throws -> T? {
    if WireTag.isNull(value.tag) {
      guard value.tag == WireTag.nestedNull, T.self is any WireOptional.Type else { return nil }
      return try decode(type, inner(of: value), key: key)
    }
    return try decode(type, value, key: key)
  }

  /// Does something with the bytes, and gives an error the place where it happened.
  @inline(__always)
  func locating<R>(
    _ type: Any.Type, _ key: @autoclosure () -> some CodingKey,
    _ body: (WireReader) throws(WireFault) -> R
  ) throws -> R {
    do throws(WireFault) {
      return try body(reader)
    } catch {
      throw error.decodingError(for: type, at: codingPath + [key()])
    }
  }

  // MARK: Single value

  func singleValueContainer() throws -> any SingleValueDecodingContainer {
    WireSingleValueDecoding(decoder: self)
  }

  /// Whether the value is nil for the type that asks. For an optional in an optional, only the outermost level counts.
  var isNull: Bool {
    guard value.tag == WireTag.nestedNull, let optional = valueType as? any WireOptional.Type else {
      return WireTag.isNull(value.tag)
    }
    return !optional.wrapsOptional
  }

  @inline(__always)
  func single<P: WirePrimitive>() throws -> P {
    do throws(WireFault) {
      return try P.read(value, from: reader)
    } catch {
      throw error.decodingError(for: P.self, at: codingPath)
    }
  }

  /// Decodes a value that stands for this one.
  func single<T: Decodable>(as type: T.Type) throws -> T {
    if value.tag == WireTag.nestedNull, T.self is any WireOptional.Type, valueType is any WireOptional.Type {
      let decoder = try WireValueDecoder(type, inner(of: value), in: context, parent: self, key: nil)
      decoder.owner = self
      return try decoder.decodeWhole(type, .of(type))
    }
    if let primitive = WireTypeCoding.of(type).primitive, primitive.reads(value) {
      do throws(WireFault) {
        return try primitive.read(type, value, from: reader)
      } catch {
        throw error.decodingError(for: type, at: codingPath)
      }
    }
    let outerType = valueType
    valueType = type
    depth += 1
    defer {
      valueType = outerType
      depth -= 1
    }
    try checkDepth()
    return try T(from: self)
  }

  /// The nil, one level of optional further in, that a nested nil holds.
  private func inner(of value: WireValue) throws -> WireValue {
    do throws(WireFault) {
      return try reader.value(at: value.start, limit: value.end)
    } catch {
      throw error.decodingError(for: valueType, at: codingPath)
    }
  }

  // MARK: Containers

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    do throws(WireFault) {
      try openEntries()
    } catch {
      throw error.decodingError(for: [String: Any].self, at: codingPath)
    }
    return KeyedDecodingContainer(WireKeyedDecoding(decoder: self))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try elements() }

  /// The unkeyed container.
  func elements() throws -> WireUnkeyedDecoding {
    do throws(WireFault) {
      return try WireUnkeyedDecoding(decoder: self)
    } catch {
      throw error.decodingError(for: [Any].self, at: codingPath)
    }
  }

  /// A decoder for a container or a superclass that lies in this value.
  func nestedDecoder(_ value: WireValue, key: some CodingKey) throws -> WireValueDecoder {
    let decoder = WireValueDecoder(valueType, value, in: context, parent: self, key: key)
    decoder.owner = self
    try decoder.checkDepth()
    return decoder
  }

  func nestedDecoder(forKey key: some CodingKey) throws -> WireValueDecoder {
    try nestedDecoder(requiredEntry(key), key: key)
  }

  /// A decoder for a superclass; it finds nil where there is no entry.
  func superDecoder(forKey key: some CodingKey) throws -> WireValueDecoder {
    try nestedDecoder(optionalEntry(key) ?? .null, key: key)
  }

  // MARK: Entries

  private func openEntries() throws(WireFault) {
    switch value.tag {
    case WireTag.keyed, WireTag.empty: break
    case WireTag.keyedWithRepeats:
      if table == nil { try makeTable() }
    default: throw reader.mismatch(value)
    }
  }

  // The primitive ones are told the name besides the key, so that only the name's getter is generic code.

  @inline(__always)
  func entry<P: WirePrimitive>(_ name: String, _ key: @autoclosure () -> some CodingKey) throws -> P {
    do throws(WireFault) {
      if let value = try find(name) { return try P.read(value, from: reader) }
    } catch {
      throw error.decodingError(for: P.self, at: codingPath + [key()])
    }
    throw keyNotFound(key())
  }

  @inline(__always)
  func entryIfPresent<P: WirePrimitive>(_ name: String, _ key: @autoclosure () -> some CodingKey) throws -> P? {
    do throws(WireFault) {
      guard let value = try find(name), !WireTag.isNull(value.tag) else { return nil }
      return try P.read(value, from: reader)
    } catch {
      throw error.decodingError(for: P.self, at: codingPath + [key()])
    }
  }

  func entry<T: Decodable>(_ key: some CodingKey, as type: T.Type) throws -> T {
    try decode(type, requiredEntry(key), key: key)
  }

  func entryIfPresent<T: Decodable>(_ key: some CodingKey, as type: T.Type) throws -> T? {
    guard let value = try optionalEntry(key) else { return nil }
    return try decodeIfPresent(type, value, key: key)
  }

  func entryIsNull(_ key: some CodingKey) throws -> Bool {
    WireTag.isNull(try requiredEntry(key, advancing: false).tag)
  }

  func contains(_ key: some CodingKey) -> Bool {
    do throws(WireFault) {
      return try find(key.stringValue, advancing: false) != nil
    } catch {
      note(error)
      return true
    }
  }

  /// The keys in the order in which they were encoded.
  func keys() -> [String] {
    var keys: [String] = []
    do throws(WireFault) {
      var offset = value.start
      while offset < value.end {
        let entry = try reader.entry(at: offset, limit: value.end)
        let name = reader.key(of: entry)
        if try !isRepeatedLater(name, offset) { keys.append(try reader.string(name, at: offset)) }
        offset = entry.value.end
      }
    } catch {
      note(error)
    }
    return keys
  }

  private func isRepeatedLater(_ name: UnsafeRawBufferPointer, _ offset: Int) throws(WireFault) -> Bool {
    guard hasRepeats, let table else { return false }
    return try table.offset(of: name, in: reader) != offset
  }

  private func requiredEntry(_ key: some CodingKey, advancing: Bool = true) throws -> WireValue {
    guard let value = try optionalEntry(key, advancing: advancing) else { throw keyNotFound(key) }
    return value
  }

  private func optionalEntry(_ key: some CodingKey, advancing: Bool = true) throws -> WireValue? {
    try locating(valueType, key) { (_) throws(WireFault) in
      try find(key.stringValue, advancing: advancing)
    }
  }

  /// The value of an entry. The next search begins behind it, or at it if not `advancing`.
  private func find(_ name: String, advancing: Bool = true) throws(WireFault) -> WireValue? {
    var name = name
    return try name.withUTF8 { utf8 in
      Result { () throws(WireFault) in try find(UnsafeRawBufferPointer(utf8), advancing: advancing) }
    }.get()
  }

  @inline(__always)
  private func find(_ name: UnsafeRawBufferPointer, advancing: Bool) throws(WireFault) -> WireValue? {
    if !hasRepeats, cursor < value.end {
      if let found = try reader.value(ofShort: name, at: cursor, limit: value.end) {
        if advancing { cursor = found.end }
        return found
      }
    }
    guard let offset = try search(name) else { return nil }
    let entry = try reader.entry(at: offset, limit: value.end)
    cursor = advancing ? entry.value.end : offset
    return entry.value
  }

  @inline(never)
  private func search(_ name: UnsafeRawBufferPointer) throws(WireFault) -> Int? {
    if let table { return try table.offset(of: name, in: reader) }
    var steps = 0
    var offset = cursor
    while offset < value.end {
      let entry = try reader.entry(at: offset, limit: value.end)
      if reader.matches(entry, name) { return offset }
      offset = entry.value.end
      steps += 1
    }
    offset = value.start
    while offset < cursor {
      let entry = try reader.entry(at: offset, limit: value.end)
      if reader.matches(entry, name) { break }
      offset = entry.value.end
      steps += 1
    }
    if steps > Self.longSearch {
      longSearches += 1
      if longSearches == Self.toleratedLongSearches { try makeTable() }
    }
    return offset < cursor ? offset : nil
  }

  private func makeTable() throws(WireFault) {
    let table = try WireKeyTable(reader, start: value.start, limit: value.end)
    hasRepeats = table.hasRepeats
    self.table = table
  }

  // A container of no more entries than `longSearch` never gets a table: to search it costs less.
  private static let longSearch = 16
  private static let toleratedLongSearches = 4

  // MARK: Errors

  private func note(_ fault: WireFault) { context.note(fault.decodingError(for: valueType, at: codingPath)) }

  private func checkDepth() throws {
    if depth > WireLimit.depth {
      throw corrupted("Values are nested more than \(WireLimit.depth) levels deep.")
    }
  }

  private func keyNotFound(_ key: some CodingKey) -> DecodingError {
    let context = DecodingError.Context(
      codingPath: codingPath, debugDescription: "There is no value for the key \"\(key.stringValue)\".")
    return .keyNotFound(key, context)
  }

  private func corrupted(_ description: String) -> DecodingError {
    .dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: description))
  }
}
