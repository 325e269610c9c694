internal import Glibc
internal import MultiprocessingEngine

// MARK: The end of a program
extension Popen {
  /// The program's process id. Its number may be another's once the program has ended and `poll` or `wait` has seen it: send signals
  /// with `send(_:)`.
  public var pid: Int32 { program.child.pid }

  /// Looks whether the program has ended.
  ///
  /// - Returns: nil while it runs, and in a child of this process.
  @discardableResult
  public func poll() -> TerminationStatus? {
    guard isOwner, let status = try? program.child.statusIfEnded() else { return nil }
    return TerminationStatus(status.termination)
  }

  /// How the program ended; nil while it runs.
  public var terminationStatus: TerminationStatus? { poll() }

  /// Python's `returncode`: the exit code, or minus the signal's number; nil while it runs.
  public var returnCode: Int32? { poll()?.exitCode }

  /// Waits for the program's end. It does not read what the program writes: one that waits for a full pipe to be emptied
  /// never ends; see `communicate`.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Throws: `TimeoutError`, after which the program goes on; `ProcessError.notParent`; `PopenError.system`.
  @discardableResult
  public func wait(timeout: Duration? = nil) throws -> TerminationStatus {
    try requireOwner()
    return try ended(
      try PopenError.telling { () throws(SystemFailure) in
        try program.child.wait(until: Deadline(after: timeout))
      }, timeout)
  }

  /// The same without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once; the program goes on.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Throws: what the blocking one throws; `CancellationError`.
  @discardableResult
  public nonisolated(nonsending) func wait(timeout: Duration? = nil) async throws -> TerminationStatus {
    try requireOwner()
    let hasEnded: Bool
    do {
      hasEnded = try await program.child.waitSuspended(until: Deadline(after: timeout))
    } catch let failure as SystemFailure {
      throw PopenError(failure)
    }
    return try ended(hasEnded, timeout)
  }

  private func ended(_ hasEnded: Bool, _ timeout: Duration?) throws -> TerminationStatus {
    let status = try PopenError.telling { () throws(SystemFailure) in try program.child.statusIfEnded() }
    guard hasEnded, let status else {
      throw TimeoutError(operation: "the end of \(arguments[0])", timeout: timeout ?? .zero)
    }
    return TerminationStatus(status.termination)
  }

  // MARK: Signals

  /// Sends a signal to the program, or to all of its process group. Never reaches another program: of a group that is not the program's own,
  /// it reaches the program and what that has started; see `Options.processGroup`.
  ///
  /// The group is reached also when the program has ended and others are left in it; once `poll` or `wait` has seen the end, from Linux
  /// 6.9 on.
  ///
  /// - Returns: whether the system took it: not for a program whose end `poll` or `wait` has seen, for what is no signal, for a program of
  ///   another user, and in a child of this process.
  @discardableResult
  public func send(_ signal: Signal, toProcessGroup: Bool = false) -> Bool {
    guard isOwner, let pidfd = toProcessGroup ? program.descriptor : program.child.pidfd else { return false }
    do throws(SystemFailure) {
      if toProcessGroup {
        try program.signalGroup(signal.rawValue, heldBy: pidfd)
      } else {
        try program.child.send(signal: signal.rawValue)
      }
      return true
    } catch {
      return false
    }
  }

  /// Asks the program to end, by SIGTERM; nothing happens when it has ended.
  public func terminate() { send(.terminate) }

  /// Ends the program, by SIGKILL; nothing happens when it has ended.
  public func kill() { send(.kill) }

  /// Asks the program to end, by SIGINT, as Ctrl-C does; nothing happens when it has ended.
  public func interrupt() { send(.interrupt) }

  /// Ends the program and all that it has started in its process group: SIGTERM, then SIGKILL for what is still there after
  /// `Options.gracePeriod`.
  ///
  /// - Throws: `ProcessError.notParent`; `PopenError.system`.
  @discardableResult
  public func end() throws -> TerminationStatus {
    try requireOwner()
    try PopenError.telling { () throws(SystemFailure) in
      var nothing = Exchange.nothing
      try Teardown([program], grace: options.gracePeriod).run(&nothing)
    }
    return try finalStatus()
  }

  /// The same without blocking a thread, also in a task that is cancelled.
  ///
  /// - Throws: `ProcessError.notParent`; `PopenError.system`.
  @discardableResult
  public nonisolated(nonsending) func end() async throws -> TerminationStatus {
    try requireOwner()
    do {
      var nothing = Exchange.nothing
      try await Teardown([program], grace: options.gracePeriod).runSuspended(&nothing)
    } catch let failure as SystemFailure {
      throw PopenError(failure)
    }
    return try finalStatus()
  }

  /// Of a program that has ended.
  func finalStatus() throws -> TerminationStatus { try ended(true, nil) }
}

extension Exchange {
  /// With nobody.
  static var nothing: Exchange { Exchange(input: nil, bytes: [], outputs: [], limit: nil) }
}

extension Popen: Waitable {
  /// Ready when the program has ended.
  ///
  /// - Throws: `ProcessError.notParent`.
  public var waitSource: WaitSource {
    get throws {
      try requireOwner()
      let pidfd = program.child.pidfd
      return WaitSource(pidfd?.raw ?? -1, heldBy: pidfd, isReady: pidfd == nil)
    }
  }
}

extension Popen.InputStream: Waitable {
  /// Ready when there are bytes, or the stream has ended.
  public var waitSource: WaitSource {
    let descriptor = end.descriptor
    return WaitSource(descriptor?.raw ?? -1, heldBy: descriptor, isReady: descriptor == nil || end.count > 0)
  }
}
