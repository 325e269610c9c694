extension Pool {
  /// Runs `target` once, in a worker.
  ///
  /// - Parameters:
  ///   - target: runs in a worker; what it captured is as it was at the call.
  ///   - args: its arguments, by position: `args: (1, "two")`, `args: (1)`.
  /// - Throws: `PoolError.closed`; what cannot be encoded; `SystemError` without memory. What goes wrong later is the future's.
  @discardableResult
  public func submit<each A: Codable & Sendable, Out: Codable & Sendable>(
    _ target: @escaping @Sendable (repeat each A) throws -> Out, args: (repeat each A)
  ) throws -> Future<Out> {
    let pack = ArgumentPack<repeat each A>(values: (repeat each args))
    return try runSubmit(pack, .starred(target, .codable()))
  }

  /// The same with a `target` without arguments.
  @discardableResult
  public func submit<Out: Codable & Sendable>(
    _ target: @escaping @Sendable () throws -> Out
  ) throws -> Future<Out> {
    try runSubmit((), PoolTask({ (_: Void) in try target() }, input: .void(), .codable()))
  }

  /// The same with a `target` without a result.
  @_disfavoredOverload
  @discardableResult
  public func submit<each A: Codable & Sendable>(
    _ target: @escaping @Sendable (repeat each A) throws -> Void, args: (repeat each A)
  ) throws -> Future<Void> {
    let pack = ArgumentPack<repeat each A>(values: (repeat each args))
    return try runSubmit(pack, .starred(target, .void()))
  }

  /// The same with a `target` without a result and without arguments.
  @_disfavoredOverload
  @discardableResult
  public func submit(
    _ target: @escaping @Sendable () throws -> Void
  ) throws -> Future<Void> {
    try runSubmit((), PoolTask({ (_: Void) in try target() }, input: .void(), .void()))
  }

  /// The same with an async `target`.
  @discardableResult
  public func submit<each A: Codable & Sendable, Out: Codable & Sendable>(
    _ target: @escaping @Sendable (repeat each A) async throws -> Out, args: (repeat each A)
  ) throws -> Future<Out> {
    let pack = ArgumentPack<repeat each A>(values: (repeat each args))
    return try runSubmit(pack, .starred(async: target, .codable()))
  }

  /// The same with an async `target` without arguments.
  @discardableResult
  public func submit<Out: Codable & Sendable>(
    _ target: @escaping @Sendable () async throws -> Out
  ) throws -> Future<Out> {
    try runSubmit((), PoolTask(async: { (_: Void) in try await target() }, input: .void(), .codable()))
  }

  /// The same with an async `target` without a result.
  @_disfavoredOverload
  @discardableResult
  public func submit<each A: Codable & Sendable>(
    _ target: @escaping @Sendable (repeat each A) async throws -> Void, args: (repeat each A)
  ) throws -> Future<Void> {
    let pack = ArgumentPack<repeat each A>(values: (repeat each args))
    return try runSubmit(pack, .starred(async: target, .void()))
  }

  /// The same with an async `target` without a result and without arguments.
  @_disfavoredOverload
  @discardableResult
  public func submit(
    _ target: @escaping @Sendable () async throws -> Void
  ) throws -> Future<Void> {
    try runSubmit((), PoolTask(async: { (_: Void) in try await target() }, input: .void(), .void()))
  }
}
