internal import Glibc
internal import MultiprocessingEngine

/// A process that runs `run()`: subclass it, override `run()`, then `start()` and `join()`. Python's `Process` class.
///
///     final class Greeter: ProcessBase {
///       let greeting: String
///       init(_ greeting: String) {
///         self.greeting = greeting
///         super.init()
///       }
///       override func run() { print(greeting, "from", currentProcess().pid) }
///     }
///     let greeter = Greeter("hello")
///     try greeter.start()
///     try greeter.join()
///
/// The child is a fork(2) of this program: it finds the object as it was at `start()`, and what it changes stays its own.
///
/// The object belongs to the process that made it. There its methods may be called from any thread; elsewhere those that
/// throw throw `ProcessError.notParent`.
open class ProcessBase {
  let storage: ProcessStorage

  /// - Parameters:
  ///   - name: nil stands for the type's name and a number, "MyProcess-2", or "MyProcess-1:2" in a child.
  ///   - daemon: whether the program terminates the process at its end, rather than to wait for it. nil stands for what
  ///     the current process is.
  public init(name: String? = nil, daemon: Bool? = nil) {
    // "Process" of "Process<Int>".
    let typeName = String(describing: Self.self).prefix { $0 != "<" }
    storage = ProcessStorage(name: name, typeName: String(typeName), daemon: daemon)
  }

  /// What the child does. An error thrown ends it with code 1 and one line on its standard error.
  open func run() throws {}

  /// Whether what the child runs is async.
  var isAsync: Bool { false }

  /// The encoded arguments, which cross to the child.
  func encodeArguments() throws -> EncodedArguments { .none }

  /// Runs in the child; the encoded result.
  func execute(_ arguments: InheritedArguments) throws -> [UInt8] {
    try run()
    return []
  }

  // MARK: Life

  /// Starts the child and returns as soon as it exists.
  ///
  /// - Throws: `ProcessError.alreadyStarted`, `.closed`, `.notParent`, `.unsupportedArgument`, `.launchFailed`, and what
  ///   an argument's encoding throws. After an error no child exists, and unless it was one of the first three, `start()`
  ///   may be called again.
  public final func start() throws {
    if isAsync { AsyncStart.prepare() }
    try storage.start(isAsync: isAsync, arguments: encodeArguments, body: execute)
  }

  /// Waits for the child's end.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Returns: false when time ran out.
  /// - Throws: `ProcessError.notStarted`, `.closed`, `.notParent`. How the child ended does not matter here.
  @discardableResult
  public final func join(timeout: Duration? = nil) throws -> Bool {
    try storage.wait(until: Deadline(after: timeout))
  }

  /// Waits for the child's end, without blocking a thread.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Returns: false when time ran out.
  /// - Throws: `CancellationError`, at once, when the task is cancelled: the child goes on. `ProcessError.notStarted`,
  ///   `.closed`, `.notParent`; `SystemError` when the system lacks what the first wait of a program needs, a thread and two descriptors.
  @discardableResult
  public nonisolated(nonsending) final func join(timeout: Duration? = nil) async throws -> Bool {
    try await storage.waitSuspended(until: Deadline(after: timeout))
  }

  /// Sends SIGINT, as Ctrl-C does. Nothing happens when the child has ended.
  public final func interrupt() throws { try send(.interrupt) }

  /// Sends SIGTERM. Nothing happens when the child has ended.
  public final func terminate() throws { try send(.terminate) }

  /// Sends SIGKILL. Nothing happens when the child has ended.
  public final func kill() throws { try send(.kill) }

  /// Sends a signal through the child's pidfd: it cannot reach another process that got the same number since.
  ///
  /// - Throws: `ProcessError.notStarted`, `.closed`, `.notParent`; `SystemError` for a number that is no signal.
  public final func send(_ signal: Signal) throws { try storage.signal(signal) }

  /// Lets go of the descriptors and the result. Afterwards `join()` and everything else that throws throws
  /// `ProcessError.closed`.
  ///
  /// - Throws: `ProcessError.stillRunning`, `.notParent`.
  public final func close() throws { try storage.close() }

  // MARK: Settings

  /// For people; need not be unique.
  public final var name: String {
    get { storage.name }
    set { storage.name = newValue }
  }

  /// Whether the program terminates the process at its end. Setting it after `start()` has no effect.
  public final var isDaemon: Bool {
    get { storage.isDaemon }
    set { storage.isDaemon = newValue }
  }

  /// Whether the child goes on when its parent dies without waiting for it; false by default, and never true of a daemon.
  /// Setting it after `start()` has no effect.
  public final var survivesParent: Bool {
    get { storage.survivesParent }
    set { storage.survivesParent = newValue }
  }

  /// Whether SIGTERM, the first one, cancels the body of an async child rather than to end the child: the body can clean up, and ends it
  /// by returning or throwing. A second SIGTERM ends it at once. False by default, and without effect on a synchronous child.
  /// Setting it after `start()` has no effect.
  ///
  /// Daemons get SIGTERM at the program's end, and five seconds for what they do then.
  public final var cancelsOnTermination: Bool {
    get { storage.cancelsOnTermination }
    set { storage.cancelsOnTermination = newValue }
  }

  /// What the child may use. Setting it after `start()` has no effect.
  public final var limits: ResourceLimits {
    get { storage.limits }
    set { storage.limits = newValue }
  }

  // MARK: State

  /// nil before `start()`. In the child itself, its own.
  public final var pid: Int32? { CurrentProcess.isSelf(storage) ? getpid() : storage.pid }

  /// Whether the child is running. True in the child itself, false in any other process but the parent.
  public final var isAlive: Bool { CurrentProcess.isSelf(storage) || storage.isRunning }

  /// How the child ended; nil before `start()` and while it runs. A child that somebody else has reaped, which only a
  /// recent kernel can tell of, counts as exited with 255.
  public final var terminationStatus: TerminationStatus? {
    storage.status().map { TerminationStatus($0.termination) }
  }

  /// Python's `exitcode`: the code, or minus the signal that ended the child; nil while it runs.
  public final var exitCode: Int32? { terminationStatus?.exitCode }

  /// What the child failed with: the error that `run()` threw, a crash, a signal, an exit with another code than 0.
  /// nil while it runs, when all went well, and after `close()`.
  public final var terminationError: (any Error)? {
    guard let status = storage.status() else { return nil }
    do {
      guard case .failed(let error) = try storage.ending() else { return nil }
      // exit(0) leaves no result, and nothing went wrong.
      return status.termination == .exited(0) && error as? ProcessError == .exited(0) ? nil : error
    } catch ProcessError.closed {
      return nil
    } catch {
      return error
    }
  }

  /// A descriptor that is readable once the child has ended, for poll(2) and its kin; nil before `start()`. Valid until
  /// `close()` or the object's end; do not close it.
  public final var sentinel: Int32? { storage.sentinel() }
}
