internal import MultiprocessingEngine

/// What a thread object is behind its class: its settings and its life, under one lock.
final class ThreadStorage: Sendable {
  let number: Int
  private let state: ForkAwareLock<State>
  /// Open once the thread knows its number.
  private let begun = Latch()
  /// Done when the thread has run all that it had to.
  private let ending = Future<Void>(cancel: { false })

  private struct State {
    var name: String
    var isDaemon: Bool
    var stackSize: Int?
    var lifecycle = ThreadLifecycle()
    /// Where it was started.
    var process: Generation?
    var nativeID: UInt64?
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
      return state.stackSize
    }
    do {
      // The user's code, which runs without the lock.
      let box = ThreadBody(try prepare())
      let registry = ThreadRegistry.current
      registry.add(self)
      do throws(SystemFailure) {
        try DetachedThread.start(stackSize: stackSize) { [self] in run(box) }
      } catch {
        registry.remove(self)
        throw ThreadError(error)
      }
    } catch {
      state.withLock { $0.lifecycle.failed() }
      throw error
    }
    state.withLock { $0.lifecycle.launched() }
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
    state.withLock { $0.lifecycle.ended() }
    ThreadRegistry.current.remove(self)
    ending.complete(.success(()))
  }

  // MARK: State

  /// Whether it was started in this process. One of the parent's is not here.
  private var isHere: Bool { state.withLock { $0.process?.isCurrent ?? true } }

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

  /// Throws what makes a wait a misuse; false when there is nothing to wait for, in a child of the process where the thread runs.
  private func mayWait() throws(ThreadError) -> Bool {
    try state.withLock { state throws(ThreadError) in try state.lifecycle.requireStarted() }
    if ThreadContext.ifAny?.storage === self { throw .joiningItself }
    return isHere
  }

  /// False when `deadline` comes before the end.
  func wait(until deadline: Deadline) throws -> Bool {
    try !mayWait() || ending.wait(until: deadline)
  }

  /// The same in a task.
  nonisolated(nonsending) func waitSuspended(until deadline: Deadline) async throws -> Bool {
    guard try mayWait() else { return true }
    return try await ending.waitSuspended(until: deadline)
  }

  /// At the process' end, when it may have been started a moment ago.
  func waitForEnd() { _ = try? ending.wait(until: .never) }

  /// Whether a result may still come, or has.
  func requireHere() throws(ThreadError) {
    guard isHere || ending.isDone else { throw .lostInFork }
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
