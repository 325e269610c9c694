import CMultiprocessing
import Endurance
import Glibc
import Multiprocessing
import Synchronization

/// Whom this program has sent deadly signals.
final class Kills: Sendable {
  static let all = Kills()

  private let victims = Mutex<Set<Int32>>([])

  func contains(_ pid: Int32) -> Bool { victims.withLock { $0.contains(pid) } }

  var isEmpty: Bool { victims.withLock { $0.isEmpty } }

  /// Numbers come again; while nothing runs, those of the dead can be forgotten.
  func forget() { victims.withLock { $0.removeAll() } }

  /// Sends it to a child of this process, and to nobody who has its number by now; whether there was one.
  func send(_ signal: Int32, to pid: Int32) -> Bool {
    let descriptor = mp_pidfd_open(pid)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    guard ProcessFiles.parent(of: pid) == getpid() else { return false }
    if signal != SIGSTOP, signal != SIGCONT { _ = victims.withLock { $0.insert(pid) } }
    return mp_pidfd_send_signal(descriptor, signal) == 0
  }
}

/// Kills some of those that `victims` names every now and then, while `body` runs.
func withKiller<Result>(
  _ desk: Desk, everyMicroseconds pause: Int, _ victims: @escaping @Sendable () -> [Int32], _ body: () throws -> Result
) rethrows -> Result {
  let draw = Draw(seed: desk.draw.next())
  let kills = Count()
  let isOver = Count()
  let killer = BareThread {
    var draw = draw
    while isOver.value == 0 {
      usleep(UInt32(draw.number(200...max(201, pause))))
      let victims = victims()
      if !victims.isEmpty, Kills.all.send(SIGKILL, to: draw.one(of: victims)) { kills.add() }
    }
  }
  defer {
    isOver.add()
    killer.join()
    desk.tally.add("\(Signal.kill)", to: .kills, kills.value)
  }
  return try body()
}

/// A number that threads of this process share.
final class Count: Sendable {
  private let count = Atomic(0)
  func add(_ amount: Int = 1) { count.add(amount, ordering: .sequentiallyConsistent) }
  var value: Int { count.load(ordering: .sequentiallyConsistent) }
}

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
    let children = ProcessFiles.children(of: getpid())
    if !children.isEmpty { body(desk, desk.draw.one(of: children)) }
  }
}

extension Desk {
  fileprivate func end(_ pid: Int32) -> Bool {
    guard Kills.all.send(SIGKILL, to: pid) else { return false }
    tally.add("\(Signal.kill)", to: .kills)
    return true
  }
}
