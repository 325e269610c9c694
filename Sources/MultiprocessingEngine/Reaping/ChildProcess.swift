import CMultiprocessing
import Glibc

/// A child of this process: waited for through its pidfd, reaped exactly once, whoever asks, and never by its number.
package final class ChildProcess: Sendable {
  package let pid: Int32
  private let leadsGroup: Bool
  private let state: ForkAwareLock<State>

  private struct State {
    var pidfd: SharedDescriptor?
    /// The pidfd of one that was reaped while others were left in its group.
    var group: SharedDescriptor?
    /// The socket the report comes through, until it has been read to its end.
    var socket: SharedDescriptor?
    var pendingFrame: FrameHeader?
    var report = ChildReport()
    var status: ExitStatus?
    /// What `sentinel` gave away, which must stay valid until `close`.
    var sentinel: SharedDescriptor?
  }

  /// A child without a socket, as programs are, tells nothing.
  init(pid: Int32, pidfd: SharedDescriptor, socket: SharedDescriptor? = nil, leadsGroup: Bool = false) {
    self.pid = pid
    self.leadsGroup = leadsGroup
    state = ForkAwareLock(State(pidfd: pidfd, socket: socket))
  }

  /// Waits for the end; false when `deadline` comes first.
  package func wait(until deadline: Deadline) throws(SystemFailure) -> Bool {
    // The descriptor is held while waiting, so that its number cannot become another's.
    guard let pidfd = state.withLock({ $0.pidfd }) else { return true }
    // One that has ended by now is not waited for.
    if Tracing.isOn, try statusIfEnded() != nil { return true }
    let span = Tracing.wait("wait for process \(pid)")
    defer { span.end() }
    if deadline.isNever {
      try Syscall.waitForEnd(pidfd.raw)
    } else {
      guard try Syscall.waitReadable(pidfd.raw, until: deadline) else { return false }
    }
    return try statusIfEnded() != nil
  }

  /// How it ended, nil while it runs. Reaps it when it has just ended.
  package func statusIfEnded() throws(SystemFailure) -> ExitStatus? {
    try state.withLock { (state) throws(SystemFailure) in
      if let status = state.status { return status }
      guard let pidfd = state.pidfd else { return nil }
      guard let status = try Self.reap(pidfd.raw) else { return nil }
      state.status = status
      if leadsGroup, Syscall.hasGroup(of: pidfd.raw) { state.group = pidfd }
      state.pidfd = nil
      Self.collect(&state)
      return status
    }
  }

  private static func reap(_ pidfd: Int32) throws(SystemFailure) -> ExitStatus? {
    do throws(SystemFailure) {
      return try Syscall.reap(pidfd).map(ExitStatus.init)
    } catch {
      guard error.errno == ECHILD else { throw error }
      var status = mp_exit_status()
      return mp_pidfd_exit_info(pidfd, &status) == 0 ? ExitStatus(status) : ExitStatus(termination: .unknown)
    }
  }

  /// What the child told. Throws when the system lacks the means to read it now; ask again later.
  package func report() throws -> ChildReport {
    try state.withLock { state in
      if let failure = Self.collect(&state) { throw failure }
      return state.report
    }
  }

  /// Reads what has come; keeps the socket for a later try when the system lacks something.
  @discardableResult
  private static func collect(_ state: inout State) -> SystemFailure? {
    guard let socket = state.socket else { return nil }
    let reader = FrameReader(socket: socket.raw)
    do {
      while case .frame(let kind, let payload) = try reader.next(pending: &state.pendingFrame) {
        state.report.add(kind, payload)
      }
    } catch let failure as SystemFailure {
      return failure
    } catch {
      state.report.defect = "a frame that cannot be read: \(error)"
    }
    state.socket = nil
    return nil
  }

  /// Sends a signal; nothing happens when the child has ended. Never reaches another process.
  package func send(signal: Int32) throws(SystemFailure) {
    guard let pidfd = state.withLock({ $0.pidfd }) else { return }
    do throws(SystemFailure) {
      try Syscall.send(signal: signal, to: pidfd.raw)
    } catch {
      guard error.errno == ESRCH else { throw error }
    }
  }

  /// Signals the process group that the child leads; nothing happens once it was reaped, when its number may become another's.
  package func send(signalToGroup signal: Int32) throws(SystemFailure) {
    // Nobody reaps it under the lock.
    try state.withLock { (state) throws(SystemFailure) in
      guard state.pidfd != nil else { return }
      do throws(SystemFailure) {
        try Syscall.send(signal: signal, toGroup: pid)
      } catch {
        guard error.errno == ESRCH else { throw error }
      }
    }
  }

  /// Whether the child is no longer in the group that it was to lead: it may join another one.
  var hasLeftGroup: Bool {
    // Nobody reaps it under the lock, so that its number is its own.
    leadsGroup
      && state.withLock { state in
        guard state.pidfd != nil, case let group = getpgid(pid), group > 0 else { return false }
        return group != pid
      }
  }

  /// Leads to the process group that the child leads, after its end as well: the kernel does not take the group for another one that has
  /// got its number since. nil when nobody is left, and, once the child was reaped, before Linux 6.9.
  package var group: SharedDescriptor? {
    guard leadsGroup else { return nil }
    return state.withLock { state in
      if let group = state.group, !Syscall.hasGroup(of: group.raw) { state.group = nil }
      return state.pidfd ?? state.group
    }
  }

  /// A descriptor that is readable once the child has ended; valid until `close`.
  package func sentinel() throws(SystemFailure) -> Int32 {
    try state.withLock { (state) throws(SystemFailure) in
      if let sentinel = state.sentinel { return sentinel.raw }
      let sentinel: SharedDescriptor
      if let pidfd = state.pidfd {
        sentinel = pidfd
      } else {
        sentinel = SharedDescriptor(
          try Descriptor.listing { () throws(SystemFailure) in try Syscall.readableDescriptor() })
      }
      state.sentinel = sentinel
      return sentinel.raw
    }
  }

  /// For a wait over several objects; nil once it was reaped.
  package var pidfd: SharedDescriptor? { state.withLock { $0.pidfd } }

  /// Lets go of what the child's end has left behind.
  package func close() {
    state.withLock { state in
      state.sentinel = nil
      state.socket = nil
      state.report = ChildReport()
    }
  }
}

extension ChildProcess {
  /// Which of `children` have ended, reaped or not, found by one system call.
  package static func haveEnded(_ children: [ChildProcess]) throws(SystemFailure) -> [Bool] {
    let pidfds = children.map(\.pidfd)
    let ended = try Syscall.readable(pidfds.map { $0?.raw ?? -1 }, until: .now)
    return zip(pidfds, ended).map { $0 == nil || $1 }
  }
}
