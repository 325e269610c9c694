/// Encodes one value: the `Encoder` that its `encode(to:)` receives.
///
/// All values share one sink, and each is written where the one before it ended. Only nested containers and super
/// encoders have sinks of their own, since their owner may go on writing before they are complete; they are put in
/// their places when their owner is complete.
final class WireValueEncoder: Encoder, WirePathNode {
  private enum Content {
    case nothing
    case single
    case container(tag: UInt8)
  }

  // Both are kept alive by `owner`, or by those that wait for this value to be complete.
  unowned(unsafe) let context: WireEncoder
  unowned(unsafe) let parent: WireValueEncoder?
  let sink: WireSink
  // The key and the references below are each read or set in one step, which takes no check for exclusive access.
  @exclusivity(unchecked) private(set) var key: (any CodingKey)?
  private let isDiscarded: Bool
  private var start: WireSink.Mark
  private var pieceBytesBefore: Int
  private var depth: Int
  private var valueType: Any.Type
  private var content = Content.nothing
  private var keyFilter = WireKeyFilter()
  @exclusivity(unchecked) private var nested: WireNestedEncoders?

  // The parent, or else the context, once this encoder may outlive the call that made it.
  @exclusivity(unchecked) private var owner: AnyObject?

  // An encoder for a value in this one: made once, then used for each in turn. Retained by hand, released
  // in `deinit`: to assign a reference takes a check for exclusive access each time.
  private var spare: Unmanaged<WireValueEncoder>?

  /// The number of elements encoded into the unkeyed container.
  private(set) var elementCount = 0

  private init(
    _ valueType: Any.Type, in context: WireEncoder, to sink: WireSink, parent: WireValueEncoder?,
    key: (any CodingKey)?, isDiscarded: Bool
  ) {
    self.valueType = valueType
    self.context = context
    self.sink = sink
    self.parent = parent
    self.key = key
    self.isDiscarded = isDiscarded
    start = sink.mark
    pieceBytesBefore = sink.pieceBytes
    depth = if let parent { parent.depth + 1 } else { 1 }
  }

  deinit { spare?.release() }

  /// Becomes the encoder of another value in the same one.
  @inline(__always)
  private func reuse(for valueType: Any.Type, key: (any CodingKey)?, depth: Int) {
    self.valueType = valueType
    self.key = key
    self.depth = depth
    start = sink.mark
    pieceBytesBefore = sink.pieceBytes
    content = .nothing
    keyFilter = WireKeyFilter()
    elementCount = 0
  }

  var userInfo: [CodingUserInfoKey: Any] { context.userInfo }

  /// Whether the message can take descriptors along.
  var carriesDescriptors: Bool { context.carriesDescriptors }

  /// Takes a descriptor along with the message. Its index, to be encoded in its place, finds it at the other end.
  func attach(descriptor: Int32) throws -> Int {
    guard let index = context.add(descriptor: descriptor) else {
      throw invalid(descriptor, "This message cannot carry file descriptors.")
    }
    return index
  }

  // MARK: Values

  /// Encodes a value that lies in no other.
  static func encode<T: Encodable>(_ value: T, in context: WireEncoder, to sink: WireSink) throws {
    let coding = WireTypeCoding.of(T.self)
    if let primitive = coding.primitive { return primitive.write(value, to: sink) }
    var encoder: WireValueEncoder
    if let spare = context.takeSpare() {
      encoder = spare
      encoder.reuse(for: T.self, key: nil, depth: 1)
    } else {
      encoder = WireValueEncoder(T.self, in: context, to: sink, parent: nil, key: nil, isDiscarded: false)
    }
    defer {
      if isKnownUniquelyReferenced(&encoder) {
        context.keep(encoder)
      } else {
        encoder.owner = context
      }
    }
    try encoder.encodeWhole(value, coding)
  }

  /// Encodes a value in this one where the sink ends.
  private func encode<T: Encodable>(_ value: T, key: some CodingKey) throws {
    let coding = WireTypeCoding.of(T.self)
    if let primitive = coding.primitive { return primitive.write(value, to: sink) }
    var encoder: WireValueEncoder
    if let spare {
      encoder = spare.takeRetainedValue()
      self.spare = nil
      encoder.reuse(for: T.self, key: key, depth: depth + 1)
    } else {
      encoder = WireValueEncoder(
        T.self, in: context, to: sink, parent: self, key: key, isDiscarded: isDiscarded)
    }
    defer {
      // Somebody who kept the encoder may find it useless, but never at work for another value.
      if isKnownUniquelyReferenced(&encoder) {
        // There is one already if a value in that value was coded by this encoder.
        if spare == nil { spare = .passRetained(encoder) }
      } else {
        encoder.owner = self
      }
    }
    try encoder.encodeWhole(value, coding)
  }

  private func encodeWhole<T: Encodable>(_ value: T, _ coding: WireTypeCoding) throws {
    guard depth <= WireLimit.depth else { throw invalid(value, Self.tooDeep) }
    let outer = sink.active
    sink.active = ObjectIdentifier(self)
    defer { sink.active = outer }
    do {
      if let array = coding.encodedArray {
        try array.encode(value, by: self)
      } else {
        try value.encode(to: self)
      }
      finish()
    } catch {
      close()
      throw error
    }
  }

  /// Encodes an entry of the keyed container. With `keepsLevel`, a nil is told from an optional that holds it.
  func encodeEntry<T: Encodable>(_ value: T, forKey key: some CodingKey, keepsLevel: Bool = false) throws {
    let mark = sink.mark
    try beginEntry(key)
    let valueStart = sink.count
    do {
      try encode(value, key: key)
    } catch {
      sink.takeBack(to: mark)
      throw error
    }
    if keepsLevel, WireTag.isNull(sink.byte(at: valueStart)), T.self is any WireOptional.Type {
      sink.deepenNull()
    }
  }

  /// Encodes an element of the unkeyed container.
  func encodeElement<T: Encodable>(_ value: T) throws {
    try checkTurn()
    let mark = sink.mark
    do {
      try encode(value, key: WireIndexKey(elementCount))
    } catch {
      sink.takeBack(to: mark)
      throw error
    }
    elementCount += 1
  }

  /// Encodes a value that stands for this one.
  func encodeSingle<T: Encodable>(_ value: T) throws {
    try beginSingle()
    if let primitive = WireTypeCoding.of(T.self).primitive { return primitive.write(value, to: sink) }
    content = .nothing
    let outerType = valueType
    valueType = T.self
    depth += 1
    defer {
      valueType = outerType
      depth -= 1
    }
    do {
      guard depth <= WireLimit.depth else { throw invalid(value, Self.tooDeep) }
      try value.encode(to: self)
    } catch {
      close()
      sink.takeBack(to: start)
      content = .nothing
      throw error
    }
    if case .nothing = content {
      sink.write(tag: WireTag.empty)
      content = .single
    }
    guard case .single = content, WireTag.isNull(sink.byte(at: start.count)) else { return }
    if T.self is any WireOptional.Type, outerType is any WireOptional.Type { sink.deepenNull() }
  }

  /// Makes ready for a value of the keyed container.
  @inline(__always)
  func beginEntry(_ key: some CodingKey) throws {
    try checkTurn()
    _ = keyFilter.insert(hash: sink.write(key: key.stringValue))
  }

  /// Makes ready for an element that cannot fail to be encoded.
  @inline(__always)
  func beginElement() throws {
    try checkTurn()
    elementCount += 1
  }

  /// Makes ready for the only value.
  func beginSingle() throws {
    try checkTurn()
    guard case .nothing = content else { throw invalid(valueType, Self.encodedTwice) }
    content = .single
  }

  // MARK: Containers

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(WireKeyedEncoding(encoder: opened(WireTag.keyed)))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer { elements() }

  /// The unkeyed container.
  func elements() -> WireUnkeyedEncoding { WireUnkeyedEncoding(encoder: opened(WireTag.unkeyed)) }

  func singleValueContainer() -> any SingleValueEncodingContainer { WireSingleValueEncoding(encoder: self) }

  /// Begins a container of this tag, or returns to it: a superclass may share it with its subclass.
  private func opened(_ tag: UInt8) -> WireValueEncoder {
    switch content {
    case .nothing:
      guard isActive else { return discarded(Self.lateWrite) }
      sink.reserveHeader(tag: tag)
      content = .container(tag: tag)
      return self
    case .container(tag):
      return self
    case .single, .container:
      return discarded(Self.encodedTwice)
    }
  }

  /// The container under a key. One that was begun under the same key is continued.
  func nestedContainer(_ tag: UInt8, forKey key: some CodingKey) -> WireValueEncoder {
    guard isActive else { return discarded(Self.lateWrite) }
    let mark = sink.mark
    let name = key.stringValue
    if keyFilter.insert(hash: sink.write(key: name)), let known = nested?.latest(named: name),
      case .container(tag) = known.content
    {
      sink.takeBack(to: mark)
      return known
    }
    return nestedEncoder(forKey: key).opened(tag)
  }

  /// The container that is the next element.
  func nestedContainer(_ tag: UInt8) -> WireValueEncoder { superEncoder().opened(tag) }

  /// An encoder for the superclass, or for another value that may be completed later.
  func superEncoder(forKey key: some CodingKey) -> WireValueEncoder {
    guard isActive else { return discarded(Self.lateWrite) }
    _ = keyFilter.insert(hash: sink.write(key: key.stringValue))
    return nestedEncoder(forKey: key)
  }

  /// An encoder for the next element.
  func superEncoder() -> WireValueEncoder {
    guard isActive else { return discarded(Self.lateWrite) }
    elementCount += 1
    return nestedEncoder(forKey: WireIndexKey(elementCount - 1))
  }

  private func nestedEncoder(forKey key: some CodingKey) -> WireValueEncoder {
    guard depth < WireLimit.depth else { return discarded(Self.tooDeep) }
    let encoder = WireValueEncoder(
      valueType, in: context, to: context.takeSink(), parent: self, key: key, isDiscarded: isDiscarded)
    encoder.owner = self
    encoder.sink.active = ObjectIdentifier(encoder)
    if !isDiscarded {
      let nested = self.nested ?? WireNestedEncoders()
      nested.append(encoder, named: key.stringValue, at: sink.count)
      self.nested = nested
    }
    return encoder
  }

  // MARK: Completion

  private func finish() {
    guard case .container(let tag) = content else {
      if case .nothing = content { sink.write(tag: WireTag.empty) }
      return
    }
    placeNested()
    let contentStart = start.count + WireLimit.containerWord
    sink.setHeader(
      at: start.count, tag: tag == WireTag.keyed && keyFilter.mayHaveRepeats ? WireTag.keyedWithRepeats : tag,
      length: sink.count - contentStart + sink.pieceBytes - pieceBytesBefore, elementCount: elementCount)
  }

  private func placeNested() {
    guard let nested else { return }
    for place in nested.places { place.encoder.finish() }
    if nested.places.count == 1, nested.places[0].offset == sink.count {
      let last = nested.places[0].encoder.sink
      sink.append(last, from: 0, to: last.count)
    } else {
      let whole = context.takeSink()
      var copied = start.count
      for place in nested.places {
        whole.append(sink, from: copied, to: place.offset)
        whole.append(place.encoder.sink, from: 0, to: place.encoder.sink.count)
        copied = place.offset
      }
      whole.append(sink, from: copied, to: sink.count)
      sink.takeBack(to: start)
      sink.append(whole, from: 0, to: whole.count)
      context.giveBack(whole)
    }
    close()
  }

  /// Ends the turn of all nested encoders, which refer to this one and would keep it alive.
  private func close() {
    guard let nested else { return }
    self.nested = nil
    for place in nested.places {
      place.encoder.close()
      context.giveBack(place.encoder.sink)
    }
  }

  // MARK: Misuse

  private static let lateWrite =
    "A container was written to after its value, or while a value in it was encoded."
  private static let encodedTwice = "A value was encoded twice, or into two kinds of container."
  private static let tooDeep = "Values are nested more than \(WireLimit.depth) levels deep."

  private var isActive: Bool { sink.active == ObjectIdentifier(self) }

  @inline(__always)
  private func checkTurn() throws {
    if !isActive { throw invalid(valueType, Self.lateWrite) }
  }

  /// An encoder whose bytes nobody sees. Whoever asks for a container cannot be thrown an error, so it waits until the
  /// message is complete.
  private func discarded(_ description: String) -> WireValueEncoder {
    context.note(invalid(valueType, description))
    let encoder = WireValueEncoder(
      valueType, in: context, to: context.takeSink(), parent: nil, key: nil, isDiscarded: true)
    encoder.owner = context
    encoder.sink.active = ObjectIdentifier(encoder)
    return encoder
  }

  private func invalid(_ value: Any, _ description: String) -> EncodingError {
    .invalidValue(value, EncodingError.Context(codingPath: codingPath, debugDescription: description))
  }
}
