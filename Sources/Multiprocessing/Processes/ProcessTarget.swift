/// What a process calls: how its arguments cross, and the call itself.
struct ProcessTarget<Output> {
  /// In the parent, before the fork.
  let encodeArguments: () throws -> [UInt8]
  /// In the child, with what was sent.
  let call: (_ arguments: UnsafeRawBufferPointer) throws -> Output

  /// A target without parameters.
  init(_ target: @escaping () throws -> Output) {
    encodeArguments = { [] }
    call = { _ in try target() }
  }

  /// A target with parameters by position.
  init<each A: Codable & Sendable>(
    _ target: @escaping (repeat each A) throws -> Output, args: ArgumentPack<repeat each A>
  ) {
    encodeArguments = { try Self.encode { try args.append(to: $0) } }
    call = { bytes in
      let values = try Wire.withDecoder(for: bytes) { try ArgumentPack<repeat each A>.read(from: $0) }
      return try target(repeat each values)
    }
  }

  /// A target whose parameters are the fields of one struct, by name.
  init<K: Decodable>(_ target: @escaping (K) throws -> Output, kwargs: KeywordArguments) {
    encodeArguments = { try Self.encode { try kwargs.append(to: $0, for: K.self) } }
    call = { bytes in try target(try Wire.decode(K.self, from: bytes)) }
  }

  /// Both: by position first, then by name.
  init<each A: Codable & Sendable, K: Decodable>(
    _ target: @escaping (repeat each A, K) throws -> Output, args: ArgumentPack<repeat each A>,
    kwargs: KeywordArguments
  ) {
    encodeArguments = {
      try Self.encode {
        try args.append(to: $0)
        try kwargs.append(to: $0, for: K.self)
      }
    }
    call = { bytes in
      let (values, fields) = try Wire.withDecoder(for: bytes) {
        (try ArgumentPack<repeat each A>.read(from: $0), try $0.next(K.self))
      }
      return try apply(target, (repeat each values, fields))
    }
  }

  private static func encode(_ append: (WireEncoder) throws -> Void) throws -> [UInt8] {
    let encoder = WireEncoder()
    try append(encoder)
    return encoder.bytes
  }
}

/// Calls a function with a tuple's elements: the compiler refuses to expand a pack in front of a further argument.
private func apply<each B, R>(_ function: (repeat each B) throws -> R, _ arguments: (repeat each B)) rethrows
  -> R
{
  try function(repeat each arguments)
}

/// Arguments by position.
struct ArgumentPack<each A: Codable & Sendable>: Sendable {
  let values: (repeat each A)

  /// Throws `.unsupportedArgument`, naming the position, for what cannot be encoded.
  func append(to encoder: WireEncoder) throws {
    var position = 0
    func add(_ value: some Encodable) throws {
      position += 1
      try appendArgument(value, called: "argument \(position)", to: encoder)
    }
    repeat try add(each values)
  }

  static func read(from decoder: WireDecoder) throws -> (repeat each A) {
    (repeat try decoder.next((each A).self))
  }
}

/// Encodes an argument; an `EncodingError` becomes `.unsupportedArgument`, naming the argument.
func appendArgument(_ value: some Encodable, called name: String, to encoder: WireEncoder) throws {
  do {
    try encoder.append(value)
  } catch EncodingError.invalidValue(_, let context) {
    let path = context.codingPath.map { "." + $0.stringValue }.joined()
    throw ProcessError.unsupportedArgument(
      "\(name)\(path) of type \(type(of: value)): \(context.debugDescription)")
  }
}

/// How a target's result crosses back.
struct ResultCoding<Output> {
  let encode: (Output) throws -> [UInt8]
  let decode: (UnsafeRawBufferPointer) throws -> Output

  static func codable() -> ResultCoding where Output: Codable {
    ResultCoding(encode: { try Wire.encode($0) }, decode: { try Wire.decode(Output.self, from: $0) })
  }

  static func void() -> ResultCoding where Output == Void {
    ResultCoding(encode: { [] }, decode: { _ in })
  }
}
