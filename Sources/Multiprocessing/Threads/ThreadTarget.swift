/// What a thread calls, with its arguments.
struct ThreadTarget<Output: Sendable>: Sendable {
  typealias Call = @Sendable () throws -> Output

  /// On the thread that starts the other one. Throws `ProcessError.unsupportedArgument` for arguments by name that do not fit.
  let prepare: @Sendable () throws -> Call

  /// A target without parameters.
  init(_ target: @escaping Call) { prepare = { target } }

  /// A target with parameters by position.
  init<each A: Sendable>(
    _ target: @escaping @Sendable (repeat each A) throws -> Output, args: ThreadArguments<repeat each A>
  ) {
    prepare = { { try target(repeat each args.values) } }
  }

  /// A target whose parameters are the fields of one struct, by name.
  init<K: Decodable & SendableMetatype>(_ target: @escaping @Sendable (K) throws -> Output, kwargs: KeywordArguments) {
    prepare = {
      // Safe: made here, and touched by the new thread alone.
      nonisolated(unsafe) let fields = try Self.fields(K.self, kwargs)
      return { try target(fields) }
    }
  }

  /// Both: by position first, then by name.
  init<each A: Sendable, K: Decodable & SendableMetatype>(
    _ target: @escaping @Sendable (repeat each A, K) throws -> Output, args: ThreadArguments<repeat each A>,
    kwargs: KeywordArguments
  ) {
    prepare = {
      // Safe: as above.
      nonisolated(unsafe) let fields = try Self.fields(K.self, kwargs)
      return { try apply(target, (repeat each args.values, fields)) }
    }
  }

  /// The struct that the arguments make.
  private static func fields<K: Decodable & SendableMetatype>(_: K.Type, _ kwargs: KeywordArguments) throws -> K {
    let arguments = TargetArguments<K>.keywords(kwargs)
    return try arguments.encode().withInherited(arguments.decode)
  }
}

/// Arguments by position, which are handed over as they are.
struct ThreadArguments<each A: Sendable>: Sendable {
  let values: (repeat each A)
}
