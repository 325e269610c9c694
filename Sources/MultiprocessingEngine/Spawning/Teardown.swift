import Glibc

/// The end of programs and of all they have started in their process groups, which need not be their own: asks them to end, waits a while, ends them.
package struct Teardown {
  private struct Entry {
    let program: Program
    /// Held from the beginning: leads to the group also after the program was reaped.
    let pidfd: SharedDescriptor
    let tree: ProgramTree?

    func ask() throws(SystemFailure) {
      if let tree { return try tree.ask() }
      try program.signalGroup(SIGTERM, heldBy: pidfd)
      // One that is stopped hears of it only when it goes on.
      try program.signalGroup(SIGCONT, heldBy: pidfd)
    }

    func kill() throws(SystemFailure) {
      if let tree { return try tree.kill() }
      try program.signalGroup(SIGKILL, heldBy: pidfd)
    }
  }

  private let entries: [Entry]
  private let grace: Duration

  /// To be made before whatever it is to end.
  package init(_ programs: [Program], grace: Duration) {
    entries = programs.compactMap { program in
      program.descriptor.map { Entry(program: program, pidfd: $0, tree: program.tree) }
    }
    self.grace = grace
  }

  /// Ends the programs, and takes in meanwhile what they still have to say.
  package func run(_ exchange: inout Exchange) throws(SystemFailure) {
    try ask()
    let deadline = Deadline(after: grace)
    var pause = Pause()
    while case let running = try running(), !deadline.hasPassed {
      let isLeft = running.isEmpty ? try hasGroups() : false
      if running.isEmpty && !isLeft && exchange.isComplete { break }
      _ = try exchange.wait(besides: running, until: isLeft ? deadline.capped(at: pause.next()) : deadline)
      Self.advance(&exchange)
    }
    try kill()
    for entry in entries { _ = try entry.program.child.wait(until: .never) }
    Self.advance(&exchange)
  }

  /// The same without blocking a thread, also in a task that is cancelled.
  package nonisolated(nonsending) func runSuspended(_ exchange: inout Exchange) async throws {
    try ask()
    let deadline = Deadline(after: grace)
    var pause = Pause()
    do {
      while case let running = try running(), !deadline.hasPassed {
        let isLeft = running.isEmpty ? try hasGroups() : false
        if running.isEmpty && !isLeft && exchange.isComplete { break }
        _ = try await exchange.waitSuspended(
          besides: running, until: isLeft ? deadline.capped(at: pause.next()) : deadline, regardless: true)
        Self.advance(&exchange)
      }
    } catch is SystemFailure {
      // Nothing to wait with: there is no grace then.
    }
    try kill()
    for entry in entries { try await Self.waitSuspended(for: entry.program.child) }
    Self.advance(&exchange)
  }

  private nonisolated(nonsending) static func waitSuspended(for child: ChildProcess) async throws {
    do {
      _ = try await child.waitSuspendedRegardless(until: .never)
    } catch is SystemFailure {
      // It was killed: it is gone in a moment.
      _ = try child.wait(until: .never)
    }
  }

  private func ask() throws(SystemFailure) {
    for entry in entries { try entry.ask() }
  }

  private func kill() throws(SystemFailure) {
    for entry in entries { try entry.kill() }
  }

  /// Whether programs that have ended have left others in their groups. An older kernel finds a group by a leader that was not reaped:
  /// it is not asked, and what is left there has no grace.
  private func hasGroups() throws(SystemFailure) -> Bool {
    var hasGroups = false
    for entry in entries where Syscall.hasGroup(of: entry.pidfd.raw) {
      let child = entry.program.child
      // One that has ended and was not reaped is a member.
      _ = try child.statusIfEnded()
      // As long as there is the group, its number is its own.
      if child.group != nil, GroupMembers.isAnyAlive(in: child.pid) { hasGroups = true }
    }
    return hasGroups
  }

  /// Between looks at the groups: nobody tells when one has lost its last member.
  private struct Pause {
    private var length = Duration.milliseconds(1)

    mutating func next() -> Duration {
      defer { length = min(length * 2, .milliseconds(50)) }
      return length
    }
  }

  /// The programs that have not ended, and what was found of theirs where they lead no group.
  private func running() throws(SystemFailure) -> [SharedDescriptor] {
    let ended = try Syscall.readable(entries.map(\.pidfd.raw), until: .now)
    var running = zip(entries, ended).compactMap { $1 ? nil : $0.pidfd }
    for entry in entries { running += try entry.tree?.running() ?? [] }
    return running
  }

  /// What cannot be read now is not what the programs' end is to depend on.
  private static func advance(_ exchange: inout Exchange) {
    do { try exchange.advance() } catch { exchange.abandon() }
  }
}
