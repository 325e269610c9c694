/// A process that runs an async `run()`: subclass it, override `run()`, then `start()` and `join()`.
///
///     final class Fetcher: AsyncProcessBase {
///       override func run() async throws {
///         try await Task.sleep(for: .milliseconds(10))
///         print("fetched by", currentProcess().pid)
///       }
///     }
///
/// The child has executors of its own, whatever the parent has done with Swift concurrency: `run()` is called on a task of its own, and
/// the main actor is at home on the child's main thread. What runs besides ends with `run()`.
open class AsyncProcessBase: ProcessBase {
  /// What the child does. An error thrown ends it with code 1 and one line on its standard error.
  ///
  /// The one here calls the synchronous `run()`, should a subclass override that.
  open func run() async throws { try runSynchronously() }

  override var isAsync: Bool { true }

  override func execute(_ arguments: InheritedArguments) throws -> [UInt8] {
    // Safe: the child's only thread does nothing with the object until `run()` has ended.
    nonisolated(unsafe) let process = self
    return try AsyncStart.run {
      try await process.run()
      return []
    }
  }
}

extension ProcessBase {
  /// Where async code cannot name the synchronous `run()`.
  fileprivate func runSynchronously() throws { try run() }
}
