import CMultiprocessing
import Glibc

/// A program that was started, and the process group that it leads, if it does.
package final class Program: Sendable {
  package let child: ChildProcess
  private let leadsGroup: Bool

  package init(_ child: ChildProcess, leadsGroup: Bool) {
    self.child = child
    self.leadsGroup = leadsGroup
  }

  /// Leads to the group, or to the program alone where it leads none; nil when nobody is left.
  package var descriptor: SharedDescriptor? { leadsGroup ? child.group : child.pidfd }

  /// nil for a program that leads a group, which is told by a signal to the group.
  var tree: ProgramTree? { leadsGroup ? nil : ProgramTree(of: child) }

  /// Signals the group, and the program wherever it is; nothing happens when nobody is left. The group is reached by `pidfd` also
  /// after the program was reaped. Where it leads none, the program and what it has started in its group.
  package func signalGroup(_ signal: Int32, heldBy pidfd: SharedDescriptor) throws(SystemFailure) {
    if let tree { return try signal == SIGKILL ? tree.kill() : tree.send(signal: signal) }
    // It may leave the group at any time; whoever is killed twice is killed.
    if signal == SIGKILL || child.hasLeftGroup { try child.send(signal: signal) }
    do throws(SystemFailure) {
      try Syscall.send(signal: signal, toGroupOf: pidfd.raw)
    } catch {
      switch error.errno {
      case ESRCH: return
      // An older kernel.
      case EINVAL: try child.send(signalToGroup: signal)
      default: throw error
      }
    }
  }

  // MARK: Starting

  /// Where the standard streams of a program lead.
  package struct Places {
    package var input: StreamPlace
    package var output: StreamPlace
    package var error: StreamPlace
    package var areTerminal: Bool

    package init(input: StreamPlace, output: StreamPlace, error: StreamPlace, areTerminal: Bool) {
      self.input = input
      self.output = output
      self.error = error
      self.areTerminal = areTerminal
    }
  }

  /// Our ends of them.
  package struct Ends {
    package let input: WritingEnd?
    package let output: ReadingEnd?
    package let error: ReadingEnd?
  }

  /// Starts a program. After an error nothing is left of it.
  package static func start(
    _ request: ProgramRequest, _ places: Places
  ) throws(ProgramFailure) -> (program: Program, ends: Ends) {
    reapForgotten()
    // Before anything is opened, which might get such a number.
    for number in request.passedDescriptors + [places.input, places.output, places.error].compactMap(\.number)
    where !Syscall.isOpen(number) {
      throw .descriptor(number, errno: EBADF)
    }
    let plan = try StandardStreamPlan(
      input: places.input, output: places.output, error: places.error, onTerminal: places.areTerminal)
    var request = request
    if places.areTerminal { request.newSession = true }
    let child = try request.start(plan)
    let ends = Ends(input: plan.input, output: plan.output, error: plan.error)
    return (Program(child, leadsGroup: request.leadsGroup), ends)
  }

  // MARK: Programs that nobody waits for

  /// Those that ended without anybody's looking, and for which the reactor had no room.
  private static let forgotten = ForkAwareLock<(Generation, [ChildProcess])>((.current, []))

  /// Sees to it that a child is reaped that nobody will wait for.
  package static func forget(_ child: ChildProcess) {
    if (try? child.statusIfEnded()) != nil { return }
    guard let pidfd = child.pidfd else { return }
    do throws(SystemFailure) {
      let reactor = try Reactor.current()
      reactor.begin(reactor.reserve(), for: [pidfd.raw], until: .never) { outcome in
        // The descriptor is held until here.
        withExtendedLifetime(pidfd) {}
        if case .ready = outcome, (try? child.statusIfEnded()) != nil { return }
        keep(child)
      }
    } catch {
      keep(child)
    }
  }

  private static func keep(_ child: ChildProcess) {
    forgotten.withLock { list in
      if !list.0.isCurrent { list = (.current, []) }
      list.1.append(child)
    }
  }

  /// Reaps what was forgotten and has ended, for the beginning of a start.
  package static func reapForgotten() {
    let children: [ChildProcess] = forgotten.withLock { list in
      guard list.0.isCurrent, !list.1.isEmpty else { return [] }
      return list.1
    }
    guard !children.isEmpty else { return }
    let ended = children.filter { (try? $0.statusIfEnded()) != nil }.map { ObjectIdentifier($0) }
    forgotten.withLock { list in list.1.removeAll { ended.contains(ObjectIdentifier($0)) } }
  }
}
