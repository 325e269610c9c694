/// What a process calls: how its arguments cross, and the call itself.
struct ProcessTarget<Output> {
  /// In the parent, before the fork.
  let encodeArguments: () throws -> EncodedArguments
  let call: Call

  /// In the child, with what was sent.
  enum Call {
    case synchronous((InheritedArguments) throws -> Output)
    /// Answers a call yet to be made.
    case async((InheritedArguments) throws -> () async throws -> Output)
  }

  /// A target without parameters.
  init(_ target: @escaping () throws -> Output) {
    encodeArguments = { .none }
    call = .synchronous { _ in try target() }
  }

  /// A target with parameters by position.
  init<each A: Codable & Sendable>(
    _ target: @escaping (repeat each A) throws -> Output, args: ArgumentPack<repeat each A>
  ) {
    let arguments = TargetArguments.positional(args)
    encodeArguments = arguments.encode
    call = .synchronous { inherited in
      let values = try arguments.decode(inherited)
      return try target(repeat each values)
    }
  }

  /// A target whose parameters are the fields of one struct, by name.
  init<K: Decodable>(_ target: @escaping (K) throws -> Output, kwargs: KeywordArguments) {
    let arguments = TargetArguments<K>.keywords(kwargs)
    encodeArguments = arguments.encode
    call = .synchronous { try target(try arguments.decode($0)) }
  }

  /// Both: by position first, then by name.
  init<each A: Codable & Sendable, K: Decodable>(
    _ target: @escaping (repeat each A, K) throws -> Output, args: ArgumentPack<repeat each A>,
    kwargs: KeywordArguments
  ) {
    let arguments = TargetArguments.both(args, kwargs, K.self)
    encodeArguments = arguments.encode
    call = .synchronous { inherited in
      let (values, fields) = try arguments.decode(inherited)
      return try apply(target, (repeat each values, fields))
    }
  }
}

// The same for async targets.
extension ProcessTarget {
  init(async target: @escaping () async throws -> Output) {
    encodeArguments = { .none }
    call = .async { _ in target }
  }

  init<each A: Codable & Sendable>(
    async target: @escaping (repeat each A) async throws -> Output, args: ArgumentPack<repeat each A>
  ) {
    let arguments = TargetArguments.positional(args)
    encodeArguments = arguments.encode
    call = .async { inherited in
      let values = try arguments.decode(inherited)
      return { try await target(repeat each values) }
    }
  }

  init<K: Decodable>(async target: @escaping (K) async throws -> Output, kwargs: KeywordArguments) {
    let arguments = TargetArguments<K>.keywords(kwargs)
    encodeArguments = arguments.encode
    call = .async { inherited in
      let fields = try arguments.decode(inherited)
      return { try await target(fields) }
    }
  }

  init<each A: Codable & Sendable, K: Decodable>(
    async target: @escaping (repeat each A, K) async throws -> Output, args: ArgumentPack<repeat each A>,
    kwargs: KeywordArguments
  ) {
    let arguments = TargetArguments.both(args, kwargs, K.self)
    encodeArguments = arguments.encode
    call = .async { inherited in
      let (values, fields) = try arguments.decode(inherited)
      return bind(target, (repeat each values, fields))
    }
  }
}

/// How a target's arguments cross.
struct TargetArguments<Values> {
  /// In the parent.
  let encode: () throws -> EncodedArguments
  /// In the child.
  let decode: (InheritedArguments) throws -> Values

  private init(encode: @escaping (WireEncoder) throws -> Void, decode: @escaping (WireDecoder) throws -> Values) {
    self.encode = { try EncodedArguments(encode) }
    self.decode = { try $0.decode(decode) }
  }

  /// Parameters by position.
  static func positional<each A: Codable & Sendable>(_ args: ArgumentPack<repeat each A>) -> TargetArguments
  where Values == (repeat each A) {
    TargetArguments(encode: { try args.append(to: $0) }, decode: { try ArgumentPack<repeat each A>.read(from: $0) })
  }

  /// The fields of one struct, by name.
  static func keywords(_ kwargs: KeywordArguments) -> TargetArguments where Values: Decodable {
    TargetArguments(encode: { try kwargs.append(to: $0, for: Values.self) }, decode: { try $0.next(Values.self) })
  }

  /// Both: by position first, then by name.
  static func both<each A: Codable & Sendable, K: Decodable>(
    _ args: ArgumentPack<repeat each A>, _ kwargs: KeywordArguments, _: K.Type
  ) -> TargetArguments where Values == ((repeat each A), K) {
    TargetArguments(
      encode: {
        try args.append(to: $0)
        try kwargs.append(to: $0, for: K.self)
      },
      decode: { (try ArgumentPack<repeat each A>.read(from: $0), try $0.next(K.self)) })
  }
}

/// Calls a function with a tuple's elements: the compiler refuses to expand a pack in front of a further argument.
func apply<each B, R>(_ function: (repeat each B) throws -> R, _ arguments: (repeat each B)) rethrows -> R {
  try function(repeat each arguments)
}

/// The same for an async function, as a call yet to be made: the compiler makes a wrong one of it where `apply` is async.
private func bind<each B, R>(
  _ function: @escaping (repeat each B) async throws -> R, _ arguments: (repeat each B)
) -> () async throws -> R {
  { try await function(repeat each arguments) }
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
