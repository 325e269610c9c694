// The same forms for async targets. A target that is not async chooses the synchronous ones, whose child starts without executors.

extension Process where Output: Codable {
  /// A process that calls an async function or closure without parameters.
  ///
  /// - Parameters:
  ///   - target: runs in the child.
  ///   - name: nil stands for "Process" and a number.
  ///   - daemon: whether the program terminates the process at its end, rather than to wait for it. nil stands for what
  ///     the current process is.
  public convenience init(
    target: @escaping @Sendable () async throws -> Output, name: String? = nil, daemon: Bool? = nil
  ) {
    self.init(ProcessTarget(async: target), .codable(), name, daemon)
  }

  /// The same with the name ahead of a trailing closure: `Process(name: "worker") { … }`.
  public convenience init(name: String, daemon: Bool? = nil, target: @escaping @Sendable () async throws -> Output) {
    self.init(ProcessTarget(async: target), .codable(), name, daemon)
  }

  /// The same for a process without a name: `Process(daemon: true) { … }`.
  public convenience init(daemon: Bool, target: @escaping @Sendable () async throws -> Output) {
    self.init(ProcessTarget(async: target), .codable(), nil, daemon)
  }

  /// A process that calls an async function or closure with arguments by position: `args: (1, "two")`, `args: (1)`.
  public convenience init<each A: Codable & Sendable>(
    target: @escaping @Sendable (repeat each A) async throws -> Output, args: (repeat each A), name: String? = nil,
    daemon: Bool? = nil
  ) {
    let pack = ArgumentPack<repeat each A>(values: (repeat each args))
    self.init(ProcessTarget(async: target, args: pack), .codable(), name, daemon)
  }

  /// A process that calls an async function or closure with arguments by name, in any order: they become the fields of its one
  /// parameter, a `Decodable` struct. A name that is missing, unexpected or given twice, and a value of another type, make
  /// `start()` throw `ProcessError.unsupportedArgument`.
  public convenience init<K: Decodable>(
    target: @escaping @Sendable (K) async throws -> Output, kwargs: KeyValuePairs<String, any Encodable & Sendable>,
    name: String? = nil, daemon: Bool? = nil
  ) {
    self.init(ProcessTarget(async: target, kwargs: KeywordArguments(kwargs)), .codable(), name, daemon)
  }

  /// A process that calls an async function or closure with arguments by position, followed by one parameter whose fields are
  /// given by name.
  public convenience init<each A: Codable & Sendable, K: Decodable>(
    target: @escaping @Sendable (repeat each A, K) async throws -> Output, args: (repeat each A),
    kwargs: KeyValuePairs<String, any Encodable & Sendable>, name: String? = nil, daemon: Bool? = nil
  ) {
    let pack = ArgumentPack<repeat each A>(values: (repeat each args))
    self.init(ProcessTarget(async: target, args: pack, kwargs: KeywordArguments(kwargs)), .codable(), name, daemon)
  }

  /// Runs the async `body` in a child and waits for its result.
  ///
  /// - Parameters:
  ///   - timeout: nil waits for ever. When it runs out the child is ended: SIGTERM, a second later SIGKILL.
  ///   - limits: what the child may use.
  ///   - body: runs in the child.
  /// - Throws: what `start()` and `result(timeout:)` throw.
  public static func run(
    timeout: Duration? = nil, limits: ResourceLimits = .none, _ body: @escaping @Sendable () async throws -> Output
  ) throws -> Output {
    try Process(target: body).runToEnd(timeout: timeout, limits: limits)
  }

  /// Runs the async `body` in a child and waits for its result, without blocking a thread. Cancelling the task ends the child too, as running out
  /// of time does: SIGTERM, a second later SIGKILL. It is gone, and reaped, when this throws; a task that was cancelled
  /// before starts none.
  ///
  /// - Parameters:
  ///   - timeout: nil waits for ever.
  ///   - limits: what the child may use.
  ///   - body: runs in the child.
  /// - Throws: `CancellationError`; what `start()` and `result(timeout:)` throw.
  public nonisolated(nonsending) static func run(
    timeout: Duration? = nil, limits: ResourceLimits = .none, _ body: @escaping @Sendable () async throws -> Output
  ) async throws -> Output {
    try await Process(target: body).runToEnd(timeout: timeout, limits: limits)
  }
}

extension Process where Output == Void {
  /// A process that calls an async function or closure without parameters or result: `Process { try await Task.sleep(for: .seconds(1)) }`.
  ///
  /// - Parameters:
  ///   - target: runs in the child.
  ///   - name: nil stands for "Process" and a number.
  ///   - daemon: whether the program terminates the process at its end, rather than to wait for it. nil stands for what
  ///     the current process is.
  @_disfavoredOverload
  public convenience init(
    target: @escaping @Sendable () async throws -> Void, name: String? = nil, daemon: Bool? = nil
  ) {
    self.init(ProcessTarget(async: target), .void(), name, daemon)
  }

  /// The same with the name ahead of a trailing closure: `Process(name: "worker") { … }`.
  @_disfavoredOverload
  public convenience init(name: String, daemon: Bool? = nil, target: @escaping @Sendable () async throws -> Void) {
    self.init(ProcessTarget(async: target), .void(), name, daemon)
  }

  /// The same for a process without a name: `Process(daemon: true) { … }`.
  @_disfavoredOverload
  public convenience init(daemon: Bool, target: @escaping @Sendable () async throws -> Void) {
    self.init(ProcessTarget(async: target), .void(), nil, daemon)
  }

  /// A process that calls an async function or closure with arguments by position: `args: (1, "two")`, `args: (1)`.
  @_disfavoredOverload
  public convenience init<each A: Codable & Sendable>(
    target: @escaping @Sendable (repeat each A) async throws -> Void, args: (repeat each A), name: String? = nil,
    daemon: Bool? = nil
  ) {
    let pack = ArgumentPack<repeat each A>(values: (repeat each args))
    self.init(ProcessTarget(async: target, args: pack), .void(), name, daemon)
  }

  /// A process that calls an async function or closure with arguments by name, in any order: they become the fields of its one
  /// parameter, a `Decodable` struct. A name that is missing, unexpected or given twice, and a value of another type, make
  /// `start()` throw `ProcessError.unsupportedArgument`.
  @_disfavoredOverload
  public convenience init<K: Decodable>(
    target: @escaping @Sendable (K) async throws -> Void, kwargs: KeyValuePairs<String, any Encodable & Sendable>,
    name: String? = nil, daemon: Bool? = nil
  ) {
    self.init(ProcessTarget(async: target, kwargs: KeywordArguments(kwargs)), .void(), name, daemon)
  }

  /// A process that calls an async function or closure with arguments by position, followed by one parameter whose fields are
  /// given by name.
  @_disfavoredOverload
  public convenience init<each A: Codable & Sendable, K: Decodable>(
    target: @escaping @Sendable (repeat each A, K) async throws -> Void, args: (repeat each A),
    kwargs: KeyValuePairs<String, any Encodable & Sendable>, name: String? = nil, daemon: Bool? = nil
  ) {
    let pack = ArgumentPack<repeat each A>(values: (repeat each args))
    self.init(ProcessTarget(async: target, args: pack, kwargs: KeywordArguments(kwargs)), .void(), name, daemon)
  }

  /// Runs the async `body` in a child and waits for its end.
  ///
  /// - Parameters:
  ///   - timeout: nil waits for ever. When it runs out the child is ended: SIGTERM, a second later SIGKILL.
  ///   - limits: what the child may use.
  ///   - body: runs in the child.
  /// - Throws: what `start()` and `result(timeout:)` throw.
  @_disfavoredOverload
  public static func run(
    timeout: Duration? = nil, limits: ResourceLimits = .none, _ body: @escaping @Sendable () async throws -> Void
  ) throws {
    try Process(target: body).runToEnd(timeout: timeout, limits: limits)
  }

  /// Runs the async `body` in a child and waits for its end, without blocking a thread. Cancelling the task ends the child too, as running out
  /// of time does: SIGTERM, a second later SIGKILL. It is gone, and reaped, when this throws; a task that was cancelled
  /// before starts none.
  ///
  /// - Parameters:
  ///   - timeout: nil waits for ever.
  ///   - limits: what the child may use.
  ///   - body: runs in the child.
  /// - Throws: `CancellationError`; what `start()` and `result(timeout:)` throw.
  @_disfavoredOverload
  public nonisolated(nonsending) static func run(
    timeout: Duration? = nil, limits: ResourceLimits = .none, _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    try await Process(target: body).runToEnd(timeout: timeout, limits: limits)
  }
}
