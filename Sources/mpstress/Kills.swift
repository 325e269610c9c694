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

  /// One child in three lives on, unless its own lane kills it: to kill one that hangs would help it out, and nobody would see.
  static func spares(_ pid: Int32) -> Bool { pid % 3 == 0 }

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
      let victims = victims().filter { !Kills.spares($0) }
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
