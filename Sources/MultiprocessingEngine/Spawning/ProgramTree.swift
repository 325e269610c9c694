import Glibc

/// A program that leads no process group, and what it has started as far as that is in the program's group: a signal to the group would reach
/// others as well, this process for one. Whoever has lost its parent before it was found stays unknown.
final class ProgramTree {
  private let program: ChildProcess
  private var group: Int32 = -1
  /// Of all but the program.
  private var found: [(pid: Int32, pidfd: SharedDescriptor)] = []

  init(of program: ChildProcess) { self.program = program }

  /// Those besides the program that were found and have not ended.
  func running() throws(SystemFailure) -> [SharedDescriptor] {
    if found.isEmpty { return [] }
    let ended = try Syscall.readable(found.map(\.pidfd.raw), until: .now)
    return zip(found, ended).compactMap { $1 ? nil : $0.pidfd }
  }

  /// Sends a signal to all that there are by now; who cannot be looked for does not get it.
  func send(signal: Int32) throws(SystemFailure) {
    _ = try? look()
    try signalKnown(signal)
  }

  /// Asks them all to end; who cannot be looked for now is left to `kill`.
  func ask() throws(SystemFailure) {
    try? stop()
    let asked = Result { () throws(SystemFailure) in try signalKnown(SIGTERM) }
    try signalKnown(SIGCONT)
    try asked.get()
  }

  /// Ends them all.
  func kill() throws(SystemFailure) {
    let stopped = Result { () throws(SystemFailure) in try stop() }
    try signalKnown(SIGKILL)
    try stopped.get()
  }

  /// Looks for them until there are no more: a process that is stopped starts no other one, which would lose its parent before it is found.
  private func stop() throws(SystemFailure) {
    repeat {
      try signalKnown(SIGSTOP)
      try awaitStop()
    } while try look()
  }

  /// Waits until all that are known have stopped, a moment at most: a fork(2) that has begun goes on after the signal, and nobody sees its child
  /// before it is over.
  private func awaitStop() throws(SystemFailure) {
    let patience = Deadline(after: .milliseconds(100))
    while try parents().contains(where: ProcessTable.mayBeForking), !patience.hasPassed {
      try Syscall.sleep(until: Deadline(after: .microseconds(200)))
    }
  }

  private func signalKnown(_ signal: Int32) throws(SystemFailure) {
    try program.send(signal: signal)
    for (_, pidfd) in found {
      do throws(SystemFailure) {
        try Syscall.send(signal: signal, to: pidfd.raw)
      } catch {
        // One that has ended, or has become another user's.
        guard [ESRCH, EPERM].contains(error.errno) else { throw error }
      }
    }
  }

  // MARK: Looking

  /// Whether there are more than before.
  private func look() throws(SystemFailure) -> Bool {
    // The number is the program's as long as nobody has reaped it.
    if program.pidfd != nil, case let group = getpgid(program.pid), group > 0 { self.group = group }
    guard let processes = ProcessTable.processes() else { return false }
    var children: [Int32: [Int32]] = [:]
    for pid in processes where getpgid(pid) == group {
      if let entry = ProcessTable.entry(of: pid), entry.isAlive { children[entry.parent, default: []].append(pid) }
    }
    var parents = try parents()
    let before = found.count
    while let parent = parents.popLast() {
      for pid in children[parent] ?? [] where !isKnown(pid) {
        guard let pidfd = try Self.descriptor(of: pid, childOf: parent) else { continue }
        found.append((pid, pidfd))
        parents.append(pid)
      }
    }
    return found.count > before
  }

  /// The program and those that were found: as far as they have not ended, and their numbers are their own.
  private func parents() throws(SystemFailure) -> [Int32] {
    let known = (program.pidfd.map { [(program.pid, $0)] } ?? []) + found
    if known.isEmpty { return [] }
    let ended = try Syscall.readable(known.map(\.1.raw), until: .now)
    return zip(known, ended).compactMap { $1 ? nil : $0.0 }
  }

  private func isKnown(_ pid: Int32) -> Bool { found.contains { $0.pid == pid } }

  /// nil for one that is gone. Another process may have got the number since the look: it is looked at again when it is held.
  private static func descriptor(of pid: Int32, childOf parent: Int32) throws(SystemFailure) -> SharedDescriptor? {
    do throws(SystemFailure) {
      let pidfd = SharedDescriptor(
        try Descriptor.listing { () throws(SystemFailure) in try Syscall.openProcess(pid) })
      return ProcessTable.entry(of: pid)?.parent == parent ? pidfd : nil
    } catch {
      guard error.errno == ESRCH else { throw error }
      return nil
    }
  }
}
