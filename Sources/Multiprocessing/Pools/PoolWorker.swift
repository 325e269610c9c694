internal import Glibc
internal import MultiprocessingEngine

/// A function as the workers know it: what runs the items of a slice.
final class PoolFunctionBody: @unchecked Sendable {
  // Sendable: immutable, but for `itemTime`, which the pool's lock guards.
  let number: Int
  let isAsync: Bool
  let run: (PoolStint) -> Void
  /// What an item has taken lately, in nanoseconds; nil before the first.
  var itemTime: Int?

  init<In, Out>(_ number: Int, _ task: PoolTask<In, Out>) {
    self.number = number
    isAsync = task.isAsync
    run = { task.run($0) }
  }
}

/// What a worker does between its birth and its end.
struct PoolWorker {
  let lane: Lane
  let arena: SharedRegion
  let bell: (flag: LaneFlag, descriptor: Int32)
  /// Those that are there at its birth, by their numbers.
  let functions: [Int: PoolFunctionBody]
  let isAsync: Bool
  let settings: PoolSettings

  /// Makes, in the parent, what a worker makes first, so that the types are known that every child would have to look up.
  func rehearse() { _ = stint(PoolLink(lane, bell: bell, spins: settings.spins), nil) }

  private func stint(_ link: PoolLink, _ executors: ChildExecutors?) -> PoolStint {
    PoolStint(
      link, arena: arena.base, executors: executors, isTimed: settings.taskTimeout != nil,
      tasksPerChild: settings.tasksPerChild, recycleAbove: settings.recycleAbove)
  }

  /// Runs requests until it is told to end.
  func run() -> [UInt8] {
    // Ctrl-C goes to the whole group: what becomes of the workers is their parent's to say.
    // Not ignored: a program that a task starts would inherit that.
    signal(SIGINT) { _ in }
    let executors = isAsync ? AsyncStart.open() : nil
    let link = PoolLink(lane, bell: bell, spins: settings.spins)
    do {
      try settings.initializer?()
    } catch {
      let remote = RemoteError(error)
      var bytes: [UInt8] = []
      for text in [remote.typeName, remote.message] {
        bytes.append(text: String(decoding: text.utf8.prefix(PoolLink.longestText), as: UTF8.self))
      }
      bytes.withUnsafeBytes { link.tell(.initializerFailed, $0) }
      link.ring()
      return []
    }
    link.tell(.ready)
    link.ring()
    let stint = stint(link, executors)
    var last: UInt64 = 0
    var hasWaited = true
    while !stint.mustLeave {
      guard let request = link.awaitRequest(&hasWaited) else { break }
      if request.kind == PoolRequest.stop.rawValue { return [] }
      // Where one slice follows another, a look at the clock serves both.
      if hasWaited || last == 0 { last = monotonicNanoseconds() }
      last = stint.run(request, start: last, functions)
    }
    link.tell(.leaving)
    link.ring()
    return []
  }
}

/// How a pool treats its workers.
struct PoolSettings: Sendable {
  var processes: Int
  var tasksPerChild: Int?
  var memoryLimit: Int?
  var taskTimeout: Duration?
  var retries: Int
  var recycleAbove: Int?
  var initializer: (@Sendable () throws -> Void)?
  /// Whether a thread that waits looks for a moment before it sleeps: not where it would keep the only processor from whoever it waits for.
  var spins: Bool
  /// A worker that had nothing to do for that long, and up to twice as long, ends.
  var idleTime = Duration.seconds(30)

  /// What no system has room for, and no sum overflows by.
  private static let mostProcesses = 1 << 16

  func validate() throws(PoolError) {
    func require(_ condition: Bool, _ text: @autoclosure () -> String) throws(PoolError) {
      if !condition { throw .invalidArgument(text()) }
    }
    try require(
      processes <= Self.mostProcesses, "a pool of \(processes) processes: give \(Self.mostProcesses) or fewer")
    try require(processes > 0, "a pool of \(processes) processes: give 1 or more, or nil for one for each processor")
    try require(tasksPerChild ?? 1 > 0, "tasksPerChild is \(tasksPerChild ?? 0): give 1 or more, or nil for no limit")
    try require(memoryLimit ?? 1 > 0, "memoryLimit is \(memoryLimit ?? 0): give bytes, or nil for no limit")
    try require(recycleAbove ?? 1 > 0, "recycleAbove is \(recycleAbove ?? 0): give bytes, or nil for no limit")
    try require(
      taskTimeout ?? .seconds(1) > .zero,
      "taskTimeout is \(taskTimeout ?? .zero): give a time above zero, or nil for none")
    try require(retries >= 0, "retries is \(retries): give 0 or more")
  }
}
