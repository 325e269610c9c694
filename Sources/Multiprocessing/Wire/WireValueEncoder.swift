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

  let context: WireEncoder
  let sink: WireSink
  let parent: WireValueEncoder?
  let key: (any CodingKey)?
  private let start: WireSink.Mark
  private let pieceBytesBefore: Int
  private let isDiscarded: Bool
  private var depth: Int
  private var valueType: Any.Type
  private var content = Content.nothing
  private var keyFilter = WireKeyFilter()
  private var nested: WireNestedEncoders?

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

  var userInfo: [CodingUserInfoKey: Any] { context.userInfo }

  /// Takes a descriptor along with the message. Its index, to be encoded in its place, finds it at the other end.
  func attach(descriptor: Int32) throws -> Int {
    guard let index = context.add(descriptor: descriptor) else {
      throw invalid(descriptor, "This message cannot carry file descriptors.")
    }
    return index
  }

  // MARK: Values

  /// Encodes a value where the sink ends.
  static func encode<T: Encodable>(
    _ value: T, in context: WireEncoder, to sink: WireSink, parent: WireValueEncoder? = nil,
    key: @autoclosure () -> (any CodingKey)? = nil
  ) throws {
    if let primitive = wirePrimitive(T.self) { return primitive.write(value, to: sink) }
    let encoder = WireValueEncoder(
      T.self, in: context, to: sink, parent: parent, key: key(), isDiscarded: parent?.isDiscarded ?? false)
    guard encoder.depth <= WireLimit.depth else { throw encoder.invalid(value, tooDeep) }
    let outer = sink.active
    sink.active = ObjectIdentifier(encoder)
    defer { sink.active = outer }
    do {
      try value.encode(to: encoder)
      encoder.finish()
    } catch {
      encoder.close()
      throw error
    }
  }

  /// Encodes an entry of the keyed container. With `keepsLevel`, a nil is told from an optional that holds it.
  func encodeEntry<T: Encodable>(_ value: T, forKey key: some CodingKey, keepsLevel: Bool = false) throws {
    let mark = sink.mark
    try beginEntry(key)
    let valueStart = sink.count
    do {
      try Self.encode(value, in: context, to: sink, parent: self, key: key)
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
      try Self.encode(value, in: context, to: sink, parent: self, key: WireIndexKey(elementCount))
    } catch {
      sink.takeBack(to: mark)
      throw error
    }
    elementCount += 1
  }

  /// Encodes a value that stands for this one.
  func encodeSingle<T: Encodable>(_ value: T) throws {
    try beginSingle()
    if let primitive = wirePrimitive(T.self) { return primitive.write(value, to: sink) }
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

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    WireUnkeyedEncoding(encoder: opened(WireTag.unkeyed))
  }

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
      valueType, in: context, to: WireSink(), parent: nil, key: nil, isDiscarded: true)
    encoder.sink.active = ObjectIdentifier(encoder)
    return encoder
  }

  private func invalid(_ value: Any, _ description: String) -> EncodingError {
    .invalidValue(value, EncodingError.Context(codingPath: codingPath, debugDescription: description))
  }
}
