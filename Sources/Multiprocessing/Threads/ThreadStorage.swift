internal import MultiprocessingEngine

/// What a thread object is behind its class: its settings and its life, under one lock.
final class ThreadStorage: Sendable {
  let number: Int
  private let state: ForkAwareLock<State>
  /// Open once the thread knows its number.
  private let begun = Latch()

  private struct State {
    var name: String
    var isDaemon: Bool
    var stackSize: Int?
    var lifecycle = ThreadLifecycle()
    /// Where it was started.
    var process: Generation?
    /// Done when the thread has run all that it had to; nil before the start, since it belongs to the process that makes it.
    var ending: Future<Void>?
    var nativeID: UInt64?
    /// To be joined by whoever takes it; nobody else does.
    var thread: JoinableThread?
    /// Whether somebody has taken it.
    var isJoined = false
    var error: (any Error)?
  }

  init(name: String?, typeName: String, daemon: Bool?) {
    number = ThreadRegistry.current.nextNumber()
    let daemon = daemon ?? ThreadContext.ifAny?.storage?.isDaemon ?? false
    state = ForkAwareLock(State(name: name ?? "\(typeName)-\(number)", isDaemon: daemon))
  }

  // MARK: Settings

  var name: String {
    get { state.withLock { $0.name } }
    set { state.withLock { $0.name = newValue } }
  }

  var isDaemon: Bool {
    get { state.withLock { $0.isDaemon } }
    set { change { $0.isDaemon = newValue } }
  }

  var stackSize: Int? {
    get { state.withLock { $0.stackSize } }
    set { change { $0.stackSize = newValue } }
  }

  /// Settings are settled once the thread is started.
  private func change(_ body: (inout State) -> Void) {
    state.withLock { if $0.lifecycle.phase == .new { body(&$0) } }
  }

  // MARK: Starting

  /// Runs what `prepare` answers on a thread of its own.
  func start(_ prepare: () throws -> @Sendable () throws -> Void) throws {
    let stackSize = try state.withLock { state throws(ThreadError) in
      try state.lifecycle.begin()
      state.process = .current
      state.ending = Future(cancel: { false })
      return state.stackSize
    }
    do {
      // The user's code, which runs without the lock.
      let box = ThreadBody(try prepare())
      let registry = ThreadRegistry.current
      registry.add(self)
      do throws(SystemFailure) {
        let thread = try JoinableThread(stackSize: stackSize) { [self] in run(box) }
        state.withLock { state in
          state.lifecycle.launched()
          // One that has ended by now has detached itself.
          if state.lifecycle.phase == .running { state.thread = thread }
        }
      } catch {
        registry.remove(self)
        throw ThreadError(error)
      }
    } catch {
      let ending = state.withLock { state in
        state.lifecycle.failed()
        return state.ending
      }
      // Who joined meanwhile waits for nothing.
      ending?.complete(.success(()))
      throw error
    }
  }

  /// On the new thread.
  private func run(_ box: ThreadBody) {
    let nativeID = RunningThread.nativeID
    let name = state.withLock { state in
      state.nativeID = nativeID
      return state.name
    }
    begun.open()
    RunningThread.systemName = name
    // Not until its end as exit(3) has it: what runs then is to know on which thread it does.
    RunningThread.hold(ThreadContext(self))
    do {
      try box.run()
    } catch {
      state.withLock { $0.error = error }
      StandardStreams.complain("Thread \(self.name) failed: \(RemoteError(error))")
    }
    // Whatever the thread held is let go of by now: the body, and what is local to the thread.
    RunningThread.hold(nil)
    end()
  }

  /// The thread counts as ended from now on.
  private func end() {
    let (ending, isJoined) = state.withLock { state in
      state.lifecycle.ended()
      return (state.ending, state.isJoined)
    }
    if !isJoined { JoinableThread.detachCurrent() }
    ThreadRegistry.current.remove(self)
    ending?.complete(.success(()))
  }

  /// Lets go on who waits for this thread at the process' end: it stays until the process is gone, and has nothing more to do.
  func endWithProcess() { state.withLock { $0.ending }?.complete(.success(())) }

  // MARK: State

  var isAlive: Bool {
    state.withLock { $0.process?.isCurrent == true && [.starting, .running].contains($0.lifecycle.phase) }
  }

  /// nil before the start.
  var nativeID: UInt64? {
    let isAboutToTell = state.withLock { state in
      state.process?.isCurrent == true && [.running, .ended].contains(state.lifecycle.phase)
    }
    // It is told by the thread itself, in a moment.
    if isAboutToTell { _ = begun.wait(until: .never) }
    return state.withLock { $0.nativeID }
  }

  /// nil before the start.
  var identity: ThreadIdentity? {
    nativeID.map { ThreadIdentity(name: name, nativeID: $0, isMain: false, isDaemon: isDaemon) }
  }

  var error: (any Error)? { state.withLock { $0.error } }

  // MARK: Waiting

  /// What to wait for; nil in a child of the process where the thread runs, since it has not come along. Throws what makes a wait a misuse.
  private func awaitedEnding() throws(ThreadError) -> Future<Void>? {
    let (ending, process) = try state.withLock { state throws(ThreadError) in
      try state.lifecycle.requireStarted()
      return (state.ending, state.process)
    }
    if ThreadContext.ifAny?.storage === self { throw .joiningItself }
    return process?.isCurrent == true ? ending : nil
  }

  /// False when `deadline` comes before the end.
  func wait(until deadline: Deadline) throws -> Bool {
    guard let ending = try awaitedEnding() else { return true }
    if deadline.isNever, let thread = threadToJoin() {
      thread.join()
      return true
    }
    return try ending.wait(until: deadline)
  }

  /// For the first one who waits for ever: the kernel wakes him when the thread is gone, and the thread need not do so.
  private func threadToJoin() -> JoinableThread? {
    state.withLock { state in
      guard state.lifecycle.phase == .running, let thread = state.thread.take() else { return nil }
      state.isJoined = true
      return thread
    }
  }

  /// The same in a task.
  nonisolated(nonsending) func waitSuspended(until deadline: Deadline) async throws -> Bool {
    guard let ending = try awaitedEnding() else { return true }
    return try await ending.waitSuspended(until: deadline)
  }

  /// At the process' end, when it may have been started a moment ago.
  func waitForEnd() { _ = try? state.withLock { $0.ending }?.wait(until: .never) }

  /// Whether a result may still come, or has.
  func requireHere() throws(ThreadError) {
    let isLost = state.withLock { $0.process?.isCurrent == false && $0.lifecycle.phase != .ended }
    if isLost { throw .lostInFork }
  }
}

/// What a thread runs, let go of before the thread counts as ended.
private final class ThreadBody: Sendable {
  private let body: ForkAwareLock<(@Sendable () throws -> Void)?>

  init(_ body: @escaping @Sendable () throws -> Void) { self.body = ForkAwareLock(body) }

  func run() throws {
    guard let body = body.withLock({ $0.take() }) else { return }
    try body()
  }
}
