internal import MultiprocessingEngine

/// A thread that calls a function or closure, and gives back what it returns. Python's `threading.Thread(target:args:)`, with results.
///
///     let thread = Thread(target: { (a: Int, b: Int) in a * b }, args: (6, 7))
///     try thread.start()
///     let product = try thread.result()
///
/// Arguments and results are handed over as they are, and so need to be `Sendable`, but not `Codable`.
///
/// With `import Foundation` beside it, `Thread(target: …)` still means this type; where the type itself is written, and for a lone trailing
/// closure, say `Multiprocessing.Thread`, or add `import class Multiprocessing.Thread`.
public final class Thread<Output: Sendable>: ThreadBase, @unchecked Sendable {
  // Sendable: the target never changes, and everything that does is behind a lock, here and in ThreadStorage.
  private let target: ThreadTarget<Output>
  private let outcome = ThreadOutcome<Output>()

  init(_ target: ThreadTarget<Output>, _ name: String?, _ daemon: Bool?) {
    self.target = target
    super.init(name: name, typeName: "Thread", daemon: daemon)
  }

  override func prepare() throws -> @Sendable () throws -> Void {
    let call = try target.prepare()
    return { [outcome] in
      let result = Result { try call() }
      outcome.result.withLock { $0 = result }
      _ = try result.get()
    }
  }

  /// Calls the target on this thread, as Python's `run()` does; `start()` calls it on one of its own.
  ///
  /// - Throws: what the target throws.
  public override func run() throws { _ = try target.prepare()() }

  /// Waits for the thread's end, then gives what the target returned. May be asked again, from any thread.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Throws: the error that the target threw; `TimeoutError`, after which the thread goes on; `ThreadError.notStarted`,
  ///   `.joiningItself`, `.lostInFork`.
  public func result(timeout: Duration? = nil) throws -> Output {
    try ended(isInTime: storage.wait(until: Deadline(after: timeout)), timeout)
  }

  /// The same, without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once; the thread goes on.
  ///
  /// - Throws: what the blocking one throws; `CancellationError`; `SystemError` when the system lacks what the first wait with a
  ///   timeout needs, a thread and two descriptors.
  public nonisolated(nonsending) func result(timeout: Duration? = nil) async throws -> Output {
    try ended(isInTime: await storage.waitSuspended(until: Deadline(after: timeout)), timeout)
  }

  /// What the target returned, once the thread has ended, as `Task` has it: `result()` without a timeout.
  public var value: Output {
    get async throws { try await result() }
  }

  private func ended(isInTime: Bool, _ timeout: Duration?) throws -> Output {
    guard isInTime else { throw TimeoutError(operation: "the result of \(name)", timeout: timeout ?? .zero) }
    try storage.requireHere()
    // Nothing is there for a thread that ends the process, as its last act.
    guard let result = outcome.result.withLock({ $0 }) else { throw ThreadError.lostInFork }
    return try result.get()
  }
}

/// Where a thread leaves what its target came to.
private final class ThreadOutcome<Output: Sendable>: Sendable {
  let result = ForkAwareLock<Result<Output, any Error>?>(nil)
}
