// What a task returns has to be `Codable`, unless it returns nothing. Without these forms the compiler would take a closure with another result for
// one without any, which is not what anybody means. They cannot be called: it is their actor and their result that the compiler refuses, since one that
// is marked as unavailable never takes part in the choice.

/// Nothing runs on it. What the compiler calls isolated to it has a result that cannot cross between processes: make that `Codable & Sendable`, or write
/// `_ =` in front where no result is wanted.
@globalActor
public actor ResultsHaveToBeCodable {
  /// Nobody's.
  public static let shared = ResultsHaveToBeCodable()
}

/// The result of a task whose results cannot cross between processes: there is none.
public final class ResultThatIsNotCodable<Out> {
  init() throws { throw PoolError.invalidArgument("a task that returns \(Out.self), which is not Codable") }
}

extension Pool {
  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func map<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func map<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func map<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) async throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func map<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) async throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func mapResults<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func mapResults<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func mapResults<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) throws -> Out
  ) async throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func mapResults<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (In) async throws -> Out
  ) async throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func starmap<each A: Codable & Sendable, Out>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func starmap<each A: Codable & Sendable, Out>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) async throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func starmap<each A: Codable & Sendable, Out>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) throws -> Out
  ) async throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func starmap<each A: Codable & Sendable, Out>(
    _ inputs: some Sequence<(repeat each A)>, chunkSize: Int? = nil,
    progress: (@Sendable (_ done: Int, _ total: Int?) -> Void)? = nil,
    _ transform: @escaping @Sendable (repeat each A) async throws -> Out
  ) async throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func imap<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1, _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func imap<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1, _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func imapUnordered<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1, _ transform: @escaping @Sendable (In) throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func imapUnordered<In: Codable & Sendable, Out>(
    _ inputs: some Sequence<In>, chunkSize: Int = 1, _ transform: @escaping @Sendable (In) async throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func submit<each A: Codable & Sendable, Out>(
    _ target: @escaping @Sendable (repeat each A) throws -> Out, args: (repeat each A)
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func submit<Out>(_ target: @escaping @Sendable () throws -> Out) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func register<In: Codable & Sendable, Out>(
    _ function: @escaping @Sendable (In) throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func submit<each A: Codable & Sendable, Out>(
    _ target: @escaping @Sendable (repeat each A) async throws -> Out, args: (repeat each A)
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func submit<Out>(_ target: @escaping @Sendable () async throws -> Out) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }

  /// Refused: the result is not `Codable`.
  @ResultsHaveToBeCodable
  @_disfavoredOverload
  @available(
    *, deprecated,
    message:
      "what a task returns crosses to another process: make it Codable & Sendable, or write `_ =` in front where no result is wanted"
  )
  public func register<In: Codable & Sendable, Out>(
    _ function: @escaping @Sendable (In) async throws -> Out
  ) throws -> ResultThatIsNotCodable<Out> {
    try ResultThatIsNotCodable<Out>()
  }
}
