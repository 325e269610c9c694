import CMultiprocessing
import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Signals to whichever child there is, whatever it does.
  static let kills = Lane(
    kind: "kills",
    operations: [
      Operation("kill") { desk in strike(desk) { _ = $0.end($1) } },
      Operation("kill") { desk in strike(desk) { _ = $0.end($1) } },
      Operation("stop and go on") { desk in
        strike(desk) { desk, pid in
          guard Kills.all.send(SIGSTOP, to: pid) else { return }
          desk.tally.add("\(Signal.stop)", to: .kills)
          desk.dawdle(upTo: 60_000)
          // It may have been killed meanwhile.
          _ = Kills.all.send(SIGCONT, to: pid)
        }
      },
    ], isFault: true)

  private static func strike(_ desk: Desk, _ body: (Desk, Int32) -> Void) {
    usleep(UInt32(desk.draw.number(100...60_000)))
    let children = ProcessFiles.children(of: getpid()).filter { !Kills.spares($0) }
    if !children.isEmpty { body(desk, desk.draw.one(of: children)) }
  }

  // MARK: Interruptions

  /// Signals that interrupt what the lanes' threads wait for.
  static let interruptions = Lane(
    kind: "interruptions",
    operations: [
      Operation("signals") { desk in
        Interruption.allow()
        for _ in 0..<desk.draw.size(upTo: 200) {
          Glibc.kill(getpid(), Interruption.signal)
          usleep(UInt32(desk.draw.size(upTo: 2000)))
        }
        desk.dawdle(upTo: 50_000)
      }
    ], isFault: true)
}

/// A signal that does nothing but interrupt.
enum Interruption {
  static let signal = SIGUSR2

  /// Once, ahead of the first.
  static func allow() { _ = handler }

  private static let handler: Void = {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    // Without SA_RESTART.
    sigaction(signal, &action, nil)
  }()

  /// For threads that only look on: the others get more of it.
  static func refuse() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, signal)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }
}

extension Desk {
  fileprivate func end(_ pid: Int32) -> Bool {
    guard Kills.all.send(SIGKILL, to: pid) else { return false }
    tally.add("\(Signal.kill)", to: .kills)
    return true
  }
}
