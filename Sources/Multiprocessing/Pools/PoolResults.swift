/// The results of `imap` and `imapUnordered`, one for each input: a value, or the error of that item alone.
///
///     let pool = try Pool()
///     for result in try pool.imap(1...3, { $0 * $0 }) { print(try result.get()) }
///
/// In a task, `for try await result in` the same.
///
/// Inputs are pulled, on the thread that asks for a result, as workers need them: an endless sequence is fine, and who asks for nothing
/// more stops the work: what has not begun is dropped when the results are let go of, and what runs is run to its end, unless `cancel()` ends it. The
/// results can be gone through once. For one thread or task at a time; it keeps its pool alive.
public final class PoolResults<Out: Sendable>: Sequence, IteratorProtocol {
  /// A value, or the error of that input alone.
  public typealias Element = Result<Out, any Error>

  fileprivate let stream: PoolStream<Out>
  private let pool: AnyObject

  init(_ stream: PoolStream<Out>, of pool: AnyObject) {
    self.stream = stream
    self.pool = pool
  }

  /// The next result, for which it waits; nil after the last. When the pool is terminated, a last one fails with `CancellationError`.
  public func next() -> Result<Out, any Error>? { stream.next() }

  /// Drops what has not begun, and ends the workers that run something of it: no more results come. Without it, when the results are let go of, what
  /// runs is run to its end, and the rest dropped. Threads cannot be ended: those of a `ThreadPool` go on to the end of the item that they run.
  public func cancel() { stream.cancel() }
}

extension PoolResults: AsyncSequence {
  /// The loop `for try await result in results`.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(results: self) }

  /// The same results, waited for in a task.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let results: PoolResults

    /// The next result; nil after the last. No thread is blocked meanwhile.
    ///
    /// - Throws: `CancellationError`, at once, when the task is cancelled; no result is lost by that.
    public nonisolated(nonsending) mutating func next() async throws -> Result<Out, any Error>? {
      try await results.stream.nextSuspended()
    }
  }
}
