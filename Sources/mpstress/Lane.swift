import Endurance
import Glibc
import Multiprocessing

/// One thing that a lane does: starts what it needs, and leaves nothing.
struct Operation: Sendable {
  let name: String
  let body: @Sendable (Desk) throws -> Void

  init(_ name: String, _ body: @escaping @Sendable (Desk) throws -> Void) {
    self.name = name
    self.body = body
  }
}

/// A thread that does operations of one kind, one after another: each of them in turn at first, then whichever the seed decides.
struct Lane: Sendable {
  let kind: String
  let operations: [Operation]
  /// Whether it has the program for itself, between two rounds of the others.
  var isAlone = false
  /// Whether it does nothing of its own, but happens to the others.
  var isFault = false

  static let all = [
    starts, crashes, families, queues, locks, lockTasks, memory, connections, pools, jobs, tasks, threads, programs,
    faults, kills, interruptions,
  ]

  /// Does operations until the round's time is over. The first rounds do each at least once.
  func run(round: Int, _ desk: Desk, isOver: () -> Bool) {
    var first = isFault || round > Course.warmingRounds ? operations.endIndex : 0
    while first < operations.endIndex || !isOver() {
      let operation = first < operations.endIndex ? operations[first] : desk.draw.one(of: operations)
      first += 1
      desk.step += 1
      let name = "\(kind): \(operation.name)"
      desk.announce(operation.name)
      desk.tally.add(name, to: .operations)
      let start = Moment.now
      do {
        try operation.body(desk)
      } catch {
        desk.violation("an error that nobody expected: \(error)")
      }
      desk.tally.took(Moment.now - start, for: name)
    }
    desk.pause()
  }
}

extension Desk {
  /// Whether the process was ended by a signal that was sent to it here.
  func wasKilled(_ process: ProcessBase) -> Bool {
    guard let pid = process.pid, Kills.all.contains(pid), let code = process.exitCode, code < 0 else { return false }
    return true
  }

  /// Starts a process, waits for its end, and gives its result; nil when it was killed here.
  func answer<Output>(of process: Process<Output>) throws -> Output? {
    if process.pid == nil { try process.start() }
    do {
      return try process.result()
    } catch ProcessError.killed(let signal)
      where [.kill, .terminate, .interrupt].contains(signal) && wasKilled(process)
    {
      tally.add("killed", to: .errors)
      return nil
    }
  }

  /// Checks that a process ends with 0, unless it was killed here.
  func expectEnd(of process: ProcessBase, _ what: String = "a child") throws {
    require(try process.join(), "join() of \(what) without a timeout came back with false")
    if wasKilled(process) {
      tally.add("killed", to: .errors)
    } else if process.exitCode != 0 {
      violation("\(what), pid \(process.pid ?? 0), ended with \(process.exitCode.map { "\($0)" } ?? "nothing")")
    }
  }

  /// Sends a signal to a child of ours that may have ended.
  func kill(_ process: ProcessBase, _ signal: Signal = .kill) {
    if let pid = process.pid, Kills.all.send(signal.rawValue, to: pid) { tally.add("\(signal)", to: .kills) }
  }

  /// Sleeps up to so many microseconds, more often a little than long.
  func dawdle(upTo most: Int) { usleep(UInt32(draw.size(upTo: most))) }
}
