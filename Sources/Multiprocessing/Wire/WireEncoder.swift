/// Encodes values one after another, such as the arguments of a call.
final class WireEncoder {
  let userInfo: [CodingUserInfoKey: Any]
  let carriesDescriptors: Bool
  private let sink = WireSink.allocate()
  private var nestedSinks: [WireSink] = []
  private var spareSinks: [WireSink] = []
  // An encoder for a whole value, which nobody refers to. Retained by hand, as its own spare is.
  private var spare: Unmanaged<WireValueEncoder>?
  private var hasMisuse = false
  private var misuse: EncodingError?

  /// The descriptors that the values named, in the order of their indices. They still belong to those values.
  private(set) var descriptors: [Int32] = []

  /// An encoder whose values may take descriptors along only if `carriesDescriptors`, since someone must send them.
  init(userInfo: [CodingUserInfoKey: any Sendable] = [:], carriesDescriptors: Bool = false) {
    // To convert an empty one takes as long as a small value.
    if userInfo.isEmpty { self.userInfo = [:] } else { self.userInfo = userInfo }
    self.carriesDescriptors = carriesDescriptors
  }

  // No encoder of a value is left that could write to them: each keeps this one alive.
  deinit {
    spare?.release()
    sink.deallocate()
    for sink in nestedSinks { sink.deallocate() }
  }

  /// Lends what has been encoded so far, without a copy where it lies in one piece.
  func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows { try sink.withBytes(body) }

  /// Begins anew. False when it holds more memory than is worth keeping.
  func clear() -> Bool {
    sink.removeAll()
    if !descriptors.isEmpty { descriptors.removeAll() }
    return sink.capacity <= 64 << 10
  }

  /// What has been encoded so far.
  var bytes: [UInt8] { sink.bytes }

  /// How many bytes that is.
  var byteCount: Int { sink.count + sink.pieceBytes }

  /// Copies it to where there is room for all of it.
  func copy(to target: UnsafeMutableRawPointer) { sink.copy(to: target) }

  /// Encodes one more value. If it throws, the values before it stay as they are.
  func append<T: Encodable>(_ value: T) throws {
    let mark = sink.mark
    let descriptorCount = descriptors.count
    hasMisuse = false
    do {
      try WireValueEncoder.encode(value, in: self, to: sink)
      if hasMisuse { try throwMisuse() }
    } catch {
      sink.takeBack(to: mark)
      descriptors.removeSubrange(descriptorCount...)
      throw error
    }
  }

  // MARK: For the encoders of its values

  /// Adds a descriptor and returns its index; nil if this message carries none.
  func add(descriptor: Int32) -> Int? {
    guard carriesDescriptors else { return nil }
    descriptors.append(descriptor)
    return descriptors.count - 1
  }

  /// The encoder that is kept for the next whole value.
  func takeSpare() -> WireValueEncoder? {
    defer { spare = nil }
    return spare?.takeRetainedValue()
  }

  /// Keeps an encoder that nobody else refers to; one is enough.
  func keep(_ encoder: WireValueEncoder) {
    if spare == nil { spare = .passRetained(encoder) }
  }

  /// A sink for a nested container, whose bytes must wait until those before them are complete.
  func takeSink() -> WireSink {
    if let spare = spareSinks.popLast() { return spare }
    let sink = WireSink.allocate()
    nestedSinks.append(sink)
    return sink
  }

  /// Keeps a sink for the next nested container.
  func giveBack(_ sink: WireSink) {
    sink.removeAll()
    spareSinks.append(sink)
  }

  /// Remembers an error from where none can be thrown.
  func note(_ error: EncodingError) {
    if hasMisuse { return }
    hasMisuse = true
    misuse = error
  }

  private func throwMisuse() throws {
    if let error = misuse { throw error }
  }
}
