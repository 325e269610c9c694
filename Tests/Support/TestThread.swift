import Glibc

/// A thread that is gone once `join` returns. No Foundation: what that leaves behind is not the test's.
public struct TestThread: ~Copyable {
  private let handle: pthread_t

  private final class Start {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  public init(_ body: @escaping @Sendable () -> Void) {
    var handle = pthread_t()
    let start = Unmanaged.passRetained(Start(body))
    let error = pthread_create(
      &handle, nil,
      { argument in
        Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, start.toOpaque())
    precondition(error == 0, "no thread: errno \(error)")
    self.handle = handle
  }

  public consuming func join() { pthread_join(handle, nil) }
}

/// Calls `body` on `count` threads at once; what each returned, in the order of their numbers.
public func concurrently<Output: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (_ number: Int) -> Output
) -> [Output] {
  let start = Gate()
  // Safe: each thread writes to its own place, and nobody reads before all are joined.
  nonisolated(unsafe) let outputs = UnsafeMutableBufferPointer<Output>.allocate(capacity: count)
  defer { outputs.deallocate() }
  let threads = (0..<count).map { number in
    ThreadBox(
      TestThread {
        start.pass()
        outputs.initializeElement(at: number, to: body(number))
      })
  }
  start.open(count)
  for thread in threads { thread.join() }
  defer { outputs.deinitialize() }
  return Array(outputs)
}

/// Arrays do not hold what cannot be copied.
private final class ThreadBox {
  private var thread: TestThread?
  init(_ thread: consuming TestThread) { self.thread = consume thread }
  func join() { thread.take()?.join() }
}
