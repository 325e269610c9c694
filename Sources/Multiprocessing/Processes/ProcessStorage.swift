internal import MultiprocessingEngine

/// What a process object is behind its class: its settings, its life and its child, under one lock.
final class ProcessStorage: Sendable {
  /// The process that made the object, and alone may start it, wait for it and signal it.
  private let owner = Generation.current
  /// The numbers of the process and its ancestors.
  private let path = CurrentProcess.nextPath()
  /// Held over the fork: the child finds the settings whole.
  private let state: ForkAwareLock<State>

  private struct State {
    var name: String
    var isDaemon: Bool
    var survivesParent = false
    var cancelsOnTermination = false
    var limits = ResourceLimits.none
    var lifecycle = ProcessLifecycle()
    var child: ChildProcess?
    var ending: ProcessEnding?
  }

  init(name: String?, typeName: String, daemon: Bool?) {
    let name = name ?? "\(typeName)-\(path.map(String.init).joined(separator: ":"))"
    state = ForkAwareLock(State(name: name, isDaemon: daemon ?? CurrentProcess.isDaemon))
  }

  // MARK: Settings

  var number: Int { path.last ?? 0 }

  var name: String {
    get { state.withLock { $0.name } }
    set { state.withLock { $0.name = newValue } }
  }

  var isDaemon: Bool {
    get { state.withLock { $0.isDaemon } }
    set { change { $0.isDaemon = newValue } }
  }

  var survivesParent: Bool {
    get { state.withLock { $0.survivesParent } }
    set { change { $0.survivesParent = newValue } }
  }

  var cancelsOnTermination: Bool {
    get { state.withLock { $0.cancelsOnTermination } }
    set { change { $0.cancelsOnTermination = newValue } }
  }

  var limits: ResourceLimits {
    get { state.withLock { $0.limits } }
    set { change { $0.limits = newValue } }
  }

  /// Settings that the child is born with are settled once it is.
  private func change(_ body: (inout State) -> Void) {
    state.withLock { if $0.lifecycle.phase == .new { body(&$0) } }
  }

  // MARK: Starting

  /// Encodes the arguments, then forks; `body` runs in the child.
  ///
  /// - Parameter kept: a descriptor of the engine's that the child keeps.
  func start(
    isAsync: Bool, kept: Int32? = nil, arguments: () throws -> EncodedArguments, body: @escaping ChildMain.Body
  ) throws {
    guard owner.isCurrent else { throw ProcessError.notParent }
    let limits = try state.withLock { state throws(ProcessError) in
      try state.lifecycle.begin()
      return state.limits
    }
    do {
      try limits.validate()
      // The user's code, which runs without the lock: it may look at this very object.
      let arguments = try arguments()
      _ = Self.rehearsal
      CurrentProcess.reapChildren()
      StandardStreams.flush()
      Tracing.prepare()
      let beginning = Tracing.instant()
      let parent = CurrentProcess.identity
      try SignalMask.withAllBlocked { try launch(arguments, isAsync: isAsync, kept: kept, parent: parent, body) }
      if let pid { Tracing.started(name, pid: pid, since: beginning) }
    } catch {
      state.withLock { $0.lifecycle.failed() }
      if let failure = error as? SystemFailure { throw ProcessError.launchFailed(errno: failure.errno) }
      throw error
    }
  }

  /// Once in the life of a process, before its first start.
  private static let rehearsal: Void = {
    let record = LaunchRecord(
      name: "Rehearsal-1", path: [1], isDaemon: false, parent: CurrentProcess.identity, limits: .none,
      arguments: .none)
    Rehearsal.run(record: record.bytes) { _ = try LaunchRecord.parse($0.bytes) }
  }()

  private func launch(
    _ arguments: EncodedArguments, isAsync: Bool, kept: Int32?, parent: ProcessIdentity,
    _ body: @escaping ChildMain.Body
  ) throws {
    try state.withLock { state in
      let record = LaunchRecord(
        name: state.name, path: path, isDaemon: state.isDaemon, parent: parent, limits: state.limits,
        arguments: arguments)
      let request = StartRequest(
        record: record.bytes, survivesParent: state.survivesParent && !state.isDaemon,
        catchesTermination: isAsync && state.cancelsOnTermination, kept: kept
      ) {
        ChildMain.run(self, $0, body)
      }
      state.child = try CurrentProcess.adopt(self) { try ForkMethod().start(request) }
      state.lifecycle.launched()
    }
  }

  // MARK: The child

  /// The child of a started process. Throws the misuse.
  func startedChild() throws(ProcessError) -> ChildProcess {
    guard owner.isCurrent else { throw .notParent }
    return try state.withLock { state throws(ProcessError) in
      try state.lifecycle.requireStarted()
      guard let child = state.child else { throw .notStarted }
      return child
    }
  }

  /// False when `deadline` comes before the end.
  func wait(until deadline: Deadline) throws -> Bool {
    let child = try startedChild()
    do throws(SystemFailure) {
      guard try child.wait(until: deadline) else { return false }
    } catch {
      throw SystemError(error)
    }
    noteEnd()
    return true
  }

  func noteEnd() {
    let (isNews, child, name) = state.withLock { state in
      (state.lifecycle.ended(), state.child, state.name)
    }
    CurrentProcess.disown(self)
    if isNews, Tracing.isOn, let child { ProcessEnding.trace(of: name, child) }
  }

  func signal(_ signal: Signal) throws {
    let child = try startedChild()
    do throws(SystemFailure) {
      try child.send(signal: signal.rawValue)
    } catch {
      throw SystemError(error)
    }
  }

  /// For a wait over several objects; nil once the child was reaped. Throws the misuse.
  func pidfd() throws(ProcessError) -> SharedDescriptor? { try startedChild().pidfd }

  func sentinel() -> Int32? {
    // nil as well when the system has no descriptor left.
    try? startedChild().sentinel()
  }

  /// How the child ended; nil before, in another process, and when the system cannot tell.
  func status() -> ExitStatus? {
    guard owner.isCurrent, let child = state.withLock({ $0.child }) else { return nil }
    guard let status = try? child.statusIfEnded() else { return nil }
    noteEnd()
    return status
  }

  var pid: Int32? { state.withLock { $0.child?.pid } }

  var isRunning: Bool {
    owner.isCurrent && state.withLock { $0.lifecycle.phase == .running } && status() == nil
  }

  /// nil before the start.
  var identity: ProcessIdentity? {
    state.withLock { state in
      state.child.map { ProcessIdentity(name: state.name, pid: $0.pid, isDaemon: state.isDaemon) }
    }
  }

  func close() throws {
    guard owner.isCurrent else { throw ProcessError.notParent }
    _ = status()
    try state.withLock { state throws(ProcessError) in
      try state.lifecycle.close()
      state.child?.close()
      state.ending = nil
    }
  }

  // MARK: The end

  /// What an ended child came to; read once.
  func ending() throws -> ProcessEnding {
    let child = try startedChild()
    let (ending, name, limits) = state.withLock { ($0.ending, $0.name, $0.limits) }
    if let ending { return ending }
    do {
      guard let status = try child.statusIfEnded() else { throw ProcessError.stillRunning }
      let ending = ProcessEnding(
        of: name, pid: child.pid, status: status, report: try child.report(), limits: limits)
      return try state.withLock { state in
        // `close()` may have come between, and emptied the report.
        try state.lifecycle.requireStarted()
        state.ending = ending
        return ending
      }
    } catch let failure as SystemFailure {
      throw SystemError(failure)
    }
  }

  /// The time between SIGTERM and SIGKILL.
  static let grace = Duration.seconds(1)

  /// Ends the child: SIGTERM, and SIGKILL for one that is still there after the time of grace.
  func end() throws {
    try signal(.terminate)
    if try wait(until: Deadline(after: Self.grace)) { return }
    try signal(.kill)
    _ = try wait(until: .never)
  }

  // MARK: Many at once

  /// Reaps those of `processes` that have ended; the others.
  static func reap(_ processes: [ProcessStorage]) -> [ProcessStorage] {
    let children = processes.compactMap { process in
      process.state.withLock { $0.child }.map { (process: process, child: $0) }
    }
    // One look at all of them; when the system cannot give it, at each.
    let haveEnded = (try? ChildProcess.haveEnded(children.map(\.child))) ?? children.map { _ in true }
    return zip(children, haveEnded).compactMap { entry, hasEnded in
      hasEnded && entry.process.status() != nil ? nil : entry.process
    }
  }

  /// At the program's end there is nobody to hear of an error; the kernel ends what is left.
  @discardableResult
  func waitIgnoringErrors(_ deadline: Deadline) -> Bool { (try? wait(until: deadline)) ?? true }
  func signalIgnoringErrors(_ signal: Signal) { try? self.signal(signal) }
}
