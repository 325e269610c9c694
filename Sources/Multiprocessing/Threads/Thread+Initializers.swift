// The forms a target may have.

extension Thread {
  /// A thread that calls a function or closure without parameters: `Thread { print("trailing closure") }`.
  ///
  /// - Parameters:
  ///   - target: runs on the thread.
  ///   - name: nil stands for "Thread" and a number.
  ///   - daemon: whether the program ends without waiting for the thread. nil stands for what the current thread is; the
  ///     program's first one is none.
  public convenience init(
    target: @escaping @Sendable () throws -> Output, name: String? = nil, daemon: Bool? = nil
  ) {
    self.init(ThreadTarget(target), name, daemon)
  }

  /// The same with the name ahead of a trailing closure: `Thread(name: "worker") { … }`.
  public convenience init(name: String, daemon: Bool? = nil, target: @escaping @Sendable () throws -> Output) {
    self.init(ThreadTarget(target), name, daemon)
  }

  /// The same for a thread without a name: `Thread(daemon: true) { … }`.
  public convenience init(daemon: Bool, target: @escaping @Sendable () throws -> Output) {
    self.init(ThreadTarget(target), nil, daemon)
  }

  /// A thread that calls a function or closure with arguments by position: `args: (1, "two")`, `args: (1)`.
  public convenience init<each A: Sendable>(
    target: @escaping @Sendable (repeat each A) throws -> Output, args: (repeat each A), name: String? = nil,
    daemon: Bool? = nil
  ) {
    let arguments = ThreadArguments<repeat each A>(values: (repeat each args))
    self.init(ThreadTarget(target, args: arguments), name, daemon)
  }

  /// A thread that calls a function or closure with arguments by name, in any order: they become the fields of its one
  /// parameter, a `Decodable` struct. A name that is missing, unexpected or given twice, and a value of another type, make
  /// `start()` throw `ProcessError.unsupportedArgument`. These arguments are encoded and decoded on the way.
  public convenience init<K: Decodable & SendableMetatype>(
    target: @escaping @Sendable (K) throws -> Output, kwargs: KeyValuePairs<String, any Encodable & Sendable>,
    name: String? = nil, daemon: Bool? = nil
  ) {
    self.init(ThreadTarget(target, kwargs: KeywordArguments(kwargs)), name, daemon)
  }

  /// A thread that calls a function or closure with arguments by position, followed by one parameter whose fields are
  /// given by name.
  public convenience init<each A: Sendable, K: Decodable & SendableMetatype>(
    target: @escaping @Sendable (repeat each A, K) throws -> Output, args: (repeat each A),
    kwargs: KeyValuePairs<String, any Encodable & Sendable>, name: String? = nil, daemon: Bool? = nil
  ) {
    let arguments = ThreadArguments<repeat each A>(values: (repeat each args))
    self.init(ThreadTarget(target, args: arguments, kwargs: KeywordArguments(kwargs)), name, daemon)
  }
}
