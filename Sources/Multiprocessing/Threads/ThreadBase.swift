internal import MultiprocessingEngine

/// A thread that runs `run()`: subclass it, override `run()`, then `start()` and `join()`. Python's `threading.Thread` class.
///
///     final class Greeter: ThreadBase {
///       override func run() { print("hello from", currentThread().name) }
///     }
///     let greeter = Greeter()
///     try greeter.start()
///     try greeter.join()
///
/// The thread shares all memory with the one that started it: what both touch needs a lock, and the compiler does not watch over the
/// properties of a subclass. ``Thread`` takes a closure, over which it does.
///
/// **After a fork.** A child has none of its parent's threads. There `isAlive` is false for them, `join()` returns at once, and
/// `Thread.result()` throws `ThreadError.lostInFork` for one that had not ended. A thread that was not started may be started in the child, and
/// a child may start as many as it likes: those that are not daemons are joined at its end.
open class ThreadBase {
  let storage: ThreadStorage

  /// - Parameters:
  ///   - name: nil stands for the type's name and a number, "MyThread-2".
  ///   - daemon: whether the program ends without waiting for the thread. nil stands for what the current thread is; the
  ///     program's first one is none.
  public init(name: String? = nil, daemon: Bool? = nil) {
    // "Thread" of "Thread<Int>".
    let typeName = String(describing: Self.self).prefix { $0 != "<" }
    storage = ThreadStorage(name: name, typeName: String(typeName), daemon: daemon)
  }

  init(name: String?, typeName: String, daemon: Bool?) {
    storage = ThreadStorage(name: name, typeName: typeName, daemon: daemon)
  }

  /// What the thread does. An error thrown ends it with one line on standard error, and is kept in `terminationError`.
  open func run() throws {}

  /// What runs on the thread; made on the one that starts it.
  func prepare() throws -> @Sendable () throws -> Void {
    // Safe as far as the subclass is: it asked for its object to be used on another thread.
    nonisolated(unsafe) let thread = self
    return { try thread.run() }
  }

  // MARK: Life

  /// Starts the thread and returns as soon as it exists.
  ///
  /// - Throws: `ThreadError.alreadyStarted`, `.system`: EAGAIN when there are too many threads or no memory is left, EINVAL for a
  ///   `stackSize` that is too small. After the second, `start()` may be called again.
  public final func start() throws { try storage.start(prepare) }

  /// Waits for the thread's end.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Returns: false when time ran out.
  /// - Throws: `ThreadError.notStarted`, `.joiningItself`. How the thread ended does not matter here.
  @discardableResult
  public final func join(timeout: Duration? = nil) throws -> Bool {
    try storage.wait(until: Deadline(after: timeout))
  }

  /// Waits for the thread's end, without blocking another one.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Returns: false when time ran out.
  /// - Throws: `CancellationError`, at once, when the task is cancelled: the thread goes on. `ThreadError.notStarted`,
  ///   `.joiningItself`; `SystemError` when the system lacks what the first wait with a timeout needs, a thread and two
  ///   descriptors.
  @discardableResult
  public nonisolated(nonsending) final func join(timeout: Duration? = nil) async throws -> Bool {
    try await storage.waitSuspended(until: Deadline(after: timeout))
  }

  // MARK: Settings

  /// For people; need not be unique. Debuggers and top(1) show the first 15 bytes of the name that the thread was started with.
  public final var name: String {
    get { storage.name }
    set { storage.name = newValue }
  }

  /// Whether the program ends without waiting for the thread. Setting it after `start()` has no effect.
  public final var isDaemon: Bool {
    get { storage.isDaemon }
    set { storage.isDaemon = newValue }
  }

  /// The bytes of the thread's stack, of which the system uses those that are needed; nil, the default: as the system gives it, mostly 8 MiB. At least 64 KiB.
  /// Setting it after `start()` has no effect. Python's `threading.stack_size`, for one thread.
  public final var stackSize: Int? {
    get { storage.stackSize }
    set { storage.stackSize = newValue }
  }

  // MARK: State

  /// Whether the thread runs in this process: true as soon as `start()` has returned, until its end.
  public final var isAlive: Bool { storage.isAlive }

  /// The number that the system knows the thread by, gettid(2); nil before `start()`. The system gives it anew once the thread has ended.
  /// Python's `native_id`.
  public final var nativeID: UInt64? { storage.nativeID }

  /// What `run()` threw; nil while it runs, and when all went well.
  public final var terminationError: (any Error)? { storage.error }
}
