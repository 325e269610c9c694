internal import MultiprocessingEngine

/// What a pool of threads is asked to do with each input.
struct ThreadPoolTask<In: Sendable, Out: Sendable>: Sendable {
  let call: @Sendable (In) throws -> Out

  init(_ call: @escaping @Sendable (In) throws -> Out) { self.call = call }

  /// The thread waits for what an async function comes to, on a task of its own.
  init(async call: @escaping @Sendable (In) async throws -> Out) {
    self.call = { input in
      let future = Future<Out>(cancel: { false })
      Task.detached {
        do {
          future.complete(.success(try await call(input)))
        } catch {
          future.complete(.failure(error))
        }
      }
      return try future.result()
    }
  }

  /// A function of several arguments, which come together.
  static func starred<each A: Sendable>(
    _ call: @escaping @Sendable (repeat each A) throws -> Out
  ) -> ThreadPoolTask where In == ThreadArguments<repeat each A> {
    ThreadPoolTask { pack in
      let values = pack.values
      return try call(repeat each values)
    }
  }

  static func starred<each A: Sendable>(
    async call: @escaping @Sendable (repeat each A) async throws -> Out
  ) -> ThreadPoolTask where In == ThreadArguments<repeat each A> {
    ThreadPoolTask(async: { pack in
      let values = pack.values
      return try await call(repeat each values)
    })
  }
}

/// Inputs on their way to a thread, and whoever wants the results.
class ThreadPoolLoad: PoolWork, @unchecked Sendable {
  // Sendable: subclasses are immutable, but for what has a lock of its own.

  /// Nobody wants the results any more.
  var isAbandoned: Bool { false }
  // Guarded by the pool's lock.
  final var isDropped = false
  final var waiting = 0
  /// Runs some of the items; called without a lock.
  func run(_ items: Range<Int>) {}
  /// Some of the items will not be run, or their results not be waited for.
  func fail(_ items: Range<Int>, _ error: any Error) {}
}

/// A task that was submitted.
final class ThreadPoolSubmission<Out: Sendable>: ThreadPoolLoad, @unchecked Sendable {
  // Sendable: as the class above.
  private let call: @Sendable () throws -> Out
  private let completer: FutureCompleter<Out>

  init(_ call: @escaping @Sendable () throws -> Out, _ completer: FutureCompleter<Out>) {
    self.call = call
    self.completer = completer
  }

  override var isAbandoned: Bool { completer.isDone }

  override func run(_ items: Range<Int>) {
    completer.markRunning()
    completer.complete(Result { try call() })
  }

  override func fail(_ items: Range<Int>, _ error: any Error) { completer.complete(.failure(error)) }
}
