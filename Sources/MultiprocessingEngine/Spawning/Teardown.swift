import Glibc

/// The end of programs and of all they have started in their process groups: asks them to end, waits a while, ends them.
package struct Teardown {
  private struct Entry {
    let program: Program
    /// Held from the beginning: leads to the group also when another thread reaps the program meanwhile.
    let pidfd: SharedDescriptor
  }

  private let entries: [Entry]
  private let grace: Duration

  /// To be made before whatever it is to end.
  package init(_ programs: [Program], grace: Duration) {
    entries = programs.compactMap { program in program.child.pidfd.map { Entry(program: program, pidfd: $0) } }
    self.grace = grace
  }

  /// Ends the programs, and takes in meanwhile what they still have to say.
  package func run(_ exchange: inout Exchange) throws(SystemFailure) {
    try ask()
    let deadline = Deadline(after: grace)
    while case let running = try running(), !(running.isEmpty && exchange.isComplete) {
      guard try exchange.wait(besides: running, until: deadline) else { break }
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
    do {
      while case let running = try running(), !(running.isEmpty && exchange.isComplete) {
        guard try await exchange.waitSuspended(besides: running, until: deadline, regardless: true) else { break }
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
    for entry in entries {
      try entry.program.signalGroup(SIGTERM, heldBy: entry.pidfd)
      // One that is stopped hears of it only when it goes on.
      try entry.program.signalGroup(SIGCONT, heldBy: entry.pidfd)
    }
  }

  private func kill() throws(SystemFailure) {
    for entry in entries { try entry.program.signalGroup(SIGKILL, heldBy: entry.pidfd) }
  }

  /// The programs that have not ended. They are not reaped before the last signal: a group is found by its leader.
  private func running() throws(SystemFailure) -> [SharedDescriptor] {
    let ended = try Syscall.readable(entries.map(\.pidfd.raw), until: .now)
    return zip(entries, ended).compactMap { $1 ? nil : $0.pidfd }
  }

  /// What cannot be read now is not what the programs' end is to depend on.
  private static func advance(_ exchange: inout Exchange) {
    do { try exchange.advance() } catch { exchange.abandon() }
  }
}
