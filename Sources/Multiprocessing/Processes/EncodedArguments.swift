/// The arguments of a target, on the parent's side.
struct EncodedArguments: Equatable {
  var bytes: [UInt8]
  /// The descriptors behind the shared objects among them; a fork passes them on.
  var descriptors: [Int32]

  static let none = EncodedArguments(bytes: [], descriptors: [])

  /// Encodes what `append` appends.
  init(_ append: (WireEncoder) throws -> Void) throws {
    let encoder = WireEncoder(carriesDescriptors: true)
    try append(encoder)
    self.init(bytes: encoder.bytes, descriptors: encoder.descriptors)
  }

  init(bytes: [UInt8], descriptors: [Int32]) {
    self.bytes = bytes
    self.descriptors = descriptors
  }

  /// What `body` would find in a child.
  func withInherited<R>(_ body: (InheritedArguments) throws -> R) rethrows -> R {
    try bytes.withUnsafeBytes { try body(InheritedArguments(bytes: $0, descriptors: descriptors)) }
  }
}

/// The same on the child's side, borrowed for the time of the call.
struct InheritedArguments {
  let bytes: UnsafeRawBufferPointer
  let descriptors: [Int32]

  /// Decodes the arguments, which must take up all of the bytes.
  func decode<R>(_ body: (WireDecoder) throws -> R) throws -> R {
    try Wire.withDecoder(for: bytes, descriptors: .inherited(descriptors), body)
  }
}
