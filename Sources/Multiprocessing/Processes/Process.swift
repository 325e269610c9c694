internal import MultiprocessingEngine

/// A process that calls a function or closure, and gives back what it returns. Python's `Process(target:args:)`.
///
///     let process = Process(target: { (a: Int, b: Int) in a * b }, args: (6, 7))
///     try process.start()
///     let product = try process.result()
///
/// The target may be async: its child then has executors of its own, and all of Swift concurrency works in it, whatever this
/// program has used. It is started and waited for in the same way.
///
/// The child is a fork(2) of this program, so a closure finds what it captured, as it was at `start()`. The arguments and
/// the result are encoded: they are `Codable & Sendable`.
public final class Process<Output: Sendable>: ProcessBase, @unchecked Sendable {
  // Sendable: the target is called in the child alone, and everything that changes is behind a lock, here and in
  // ProcessStorage.
  private let target: ProcessTarget<Output>
  private let coding: ResultCoding<Output>
  /// The decoded result, once it was asked for.
  private let decoded = ForkAwareLock<Result<Output, any Error>?>(nil)

  init(_ target: ProcessTarget<Output>, _ coding: ResultCoding<Output>, _ name: String?, _ daemon: Bool?) {
    self.target = target
    self.coding = coding
    super.init(name: name, daemon: daemon)
  }

  override var isAsync: Bool {
    if case .async = target.call { true } else { false }
  }

  override func encodeArguments() throws -> EncodedArguments { try target.encodeArguments() }

  override func execute(_ arguments: InheritedArguments) throws -> [UInt8] {
    switch target.call {
    case .synchronous(let call): return try coding.encode(try call(arguments))
    case .async(let prepare):
      // Safe: the child's only thread does nothing with either until the task has ended.
      nonisolated(unsafe) let (call, coding) = (try prepare(arguments), coding)
      return try AsyncStart.run { try coding.encode(try await call()) }
    }
  }

  /// Calls the target in this process, as Python's `run()` does; `start()` calls it in a child.
  ///
  /// - Throws: what the target throws; `ProcessError.unsupportedArgument` for an async target, which only a child can be made to
  ///   wait for.
  public override func run() throws {
    guard case .synchronous(let call) = target.call else {
      throw ProcessError.unsupportedArgument("run() calls synchronous targets only: start() the process instead")
    }
    _ = try target.encodeArguments().withInherited { try call($0) }
  }

  /// Waits for the child's end, then gives what the target returned. May be asked again, from any thread.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Throws: the error that the target threw, if it is `Codable`, else `ProcessError.thrown`, as for an error whose type is both
  ///   private and generic, which nothing can find by its name; `ProcessError.crashed`,
  ///   `.killed`, `.exited`, `.limitExceeded` for a child that ended without a result; `TimeoutError`, after which the
  ///   child goes on; `ProcessError.notStarted`, `.closed`, `.notParent`.
  public func result(timeout: Duration? = nil) throws -> Output {
    try outcome(hasEnded: storage.wait(until: Deadline(after: timeout)), timeout)
  }

  /// The same, without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once; the child goes on.
  ///
  /// - Throws: what the blocking one throws; `CancellationError`; `SystemError` when the system lacks what the first wait of a
  ///   program needs, a thread and two descriptors.
  public nonisolated(nonsending) func result(timeout: Duration? = nil) async throws -> Output {
    try outcome(hasEnded: await storage.waitSuspended(until: Deadline(after: timeout)), timeout)
  }

  /// What the target returned, once the child has ended, as `Task` has it: `result()` without a timeout.
  public var value: Output {
    get async throws { try await result() }
  }

  private func outcome(hasEnded: Bool, _ timeout: Duration?) throws -> Output {
    guard hasEnded else {
      throw TimeoutError(operation: "the result of \(name)", timeout: timeout ?? .zero)
    }
    // What cannot be read for want of descriptors or memory is thrown here, and not kept: the next call tries again.
    let ending = try storage.ending()
    if let result = decoded.withLock({ $0 }) { return try result.get() }
    // Decoding is the user's code, and runs without the lock; should two threads decode, the first one's result stays.
    let result = Result { try decode(ending) }
    return try decoded.withLock { decoded in
      if decoded == nil { decoded = result }
      return decoded ?? result
    }.get()
  }

  private func decode(_ ending: ProcessEnding) throws -> Output {
    switch ending {
    case .returned(let payload): try withExtendedLifetime(payload) { try coding.decode($0.bytes) }
    case .failed(let error): throw error
    }
  }

  /// Starts the process, waits for its result, and ends it when time runs out first.
  func runToEnd(timeout: Duration?, limits: ResourceLimits) throws -> Output {
    self.limits = limits
    try start()
    do {
      return try result(timeout: timeout)
    } catch {
      // Out of time, or the wait itself failed: nobody else has the object, so the child ends with this call.
      if isAlive { try storage.end() }
      throw error
    }
  }

  /// The same without blocking a thread, and the child ends as well when the task is cancelled.
  nonisolated(nonsending) func runToEnd(timeout: Duration?, limits: ResourceLimits) async throws -> Output {
    try Task.checkCancellation()
    self.limits = limits
    try start()
    do {
      return try await result(timeout: timeout)
    } catch {
      if isAlive { try await storage.endSuspended() }
      throw error
    }
  }
}
