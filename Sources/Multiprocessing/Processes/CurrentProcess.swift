internal import Glibc
internal import MultiprocessingEngine
internal import Synchronization

/// What this process knows of itself: its name, its parent, its children, and what to do at its end.
enum CurrentProcess {
  private struct State {
    var generation = Generation.current
    var name = "MainProcess"
    var path: [Int] = []
    var isDaemon = false
    var parent: ProcessIdentity?
    /// The object that stands for this process in the memory it got from its parent; nil in the program itself.
    var storage: ProcessStorage?
    /// How many process objects were made here, which numbers them.
    var count = 0
    var children: [ObjectIdentifier: ProcessStorage] = [:]
    var exitBlocks: [@Sendable () -> Void] = []
    /// False in a child until it has some of its own: `children` and `exitBlocks` are its parent's then, and are not touched.
    /// To let go of them would run the user's `deinit`s here, and write to, and so copy, the page of each object.
    var hasOwnLists = true
    var hasExitHook = false
    /// Waits for the threads that are to have ended before the process does; nil until there was one.
    var awaitThreads: (@Sendable () -> Void)?
    /// Has the calling thread, which wants to end this process, count as one that has ended.
    var giveWay: (@Sendable () -> Void)?

    mutating func forgetParent() {
      generation = .current
      count = 0
      hasOwnLists = false
      hasExitHook = false
    }

    /// Begins lists of its own. The parent's are kept for good: see `hasOwnLists`.
    mutating func ownLists() {
      guard !hasOwnLists else { return }
      hasOwnLists = true
      _ = Unmanaged.passRetained(Inherited(children: children, exitBlocks: exitBlocks))
      children = [:]
      exitBlocks = []
    }
  }

  private final class Inherited {
    let children: [ObjectIdentifier: ProcessStorage]
    let exitBlocks: [@Sendable () -> Void]

    init(children: [ObjectIdentifier: ProcessStorage], exitBlocks: [@Sendable () -> Void]) {
      self.children = children
      self.exitBlocks = exitBlocks
    }
  }

  /// Held over each fork: a child finds it whole.
  private static let state = ForkAwareLock(State())

  private static func withState<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    try state.withLock { state in
      // A fork that the program made by itself: the children and exit blocks are its parent's, not its own.
      if !state.generation.isCurrent { state.forgetParent() }
      return try body(&state)
    }
  }

  static var identity: ProcessIdentity {
    let (storage, name, isDaemon) = withState { ($0.storage, $0.name, $0.isDaemon) }
    // The object may have been renamed since.
    return ProcessIdentity(name: storage?.name ?? name, pid: getpid(), isDaemon: isDaemon)
  }

  static var parent: ProcessIdentity? { withState { $0.parent } }
  static var isDaemon: Bool { withState { $0.isDaemon } }

  /// Whether `storage` stands for this very process.
  static func isSelf(_ storage: ProcessStorage) -> Bool { withState { $0.storage === storage } }

  /// The path of the next process object made here.
  static func nextPath() -> [Int] {
    withState { state in
      state.count += 1
      return state.path + [state.count]
    }
  }

  // MARK: Children

  /// Starts a child by `launch` and keeps it among the children until it was reaped.
  static func adopt(_ storage: ProcessStorage, launch: () throws -> ChildProcess) throws -> ChildProcess {
    try withState { state in
      installExitHook(&state)
      let child = try launch()
      state.ownLists()
      state.children[ObjectIdentifier(storage)] = storage
      return child
    }
  }

  private static var hasChildren: Bool { withState { $0.hasOwnLists && !$0.children.isEmpty } }

  /// Forgets a child that was reaped.
  static func disown(_ storage: ProcessStorage) {
    withState { if $0.hasOwnLists { $0.children[ObjectIdentifier(storage)] = nil } }
  }

  /// Reaps the children that have ended; the others, in the order of their making.
  @discardableResult
  static func reapChildren() -> [ProcessStorage] {
    guard hasChildren else { return [] }
    let children = withState { Array($0.children.values) }
    return ProcessStorage.reap(children).sorted { $0.number < $1.number }
  }

  // MARK: The child's beginning

  /// Takes on the identity that the launch record gives. For the child's first thread, before anything of the user's.
  static func become(_ record: LaunchRecord, _ storage: ProcessStorage) {
    withState { state in
      state.name = record.name
      state.path = record.path
      state.isDaemon = record.isDaemon
      state.parent = record.parent
      state.storage = storage
    }
    ChildExit.awaitThreads = awaitThreads
    ChildExit.giveWay = { if let giveWay = withState({ $0.giveWay }) { giveWay() } }
    ChildExit.tidyUp = end
  }

  // MARK: The end

  static func addExitBlock(_ block: @escaping @Sendable () -> Void) {
    withState { state in
      installExitHook(&state)
      state.ownLists()
      state.exitBlocks.append(block)
    }
  }

  /// For the floor that knows the threads: `awaitThreads` runs first of all at the end, and again after each exit block; `giveWay` on a
  /// thread that wants to end a child while another one does.
  static func beforeEnd(awaitThreads: @escaping @Sendable () -> Void, giveWay: @escaping @Sendable () -> Void) {
    withState { state in
      installExitHook(&state)
      state.awaitThreads = awaitThreads
      state.giveWay = giveWay
    }
  }

  /// The program itself ends through exit(3); a child through `ChildExit`, which needs no hook.
  private static func installExitHook(_ state: inout State) {
    guard !state.hasExitHook, state.storage == nil else { return }
    state.hasExitHook = true
    let generation = Generation.current
    hookedGeneration = generation
    registerExitHook()
  }

  private static func registerExitHook() {
    atexit {
      guard CurrentProcess.hookedGeneration?.isCurrent == true, !CurrentProcess.hasEnded else { return }
      // exit(3) has struck the hook off its list, and an exit block may call exit(3) again.
      CurrentProcess.registerExitHook()
      CurrentProcess.end()
      CurrentProcess.hasEnded = true
    }
  }

  // Safe: touched by the thread that runs the exit hooks alone.
  private nonisolated(unsafe) static var hasEnded = false

  // Safe: written under the state's lock before the hook that reads it is registered.
  private nonisolated(unsafe) static var hookedGeneration: Generation?

  private static func awaitThreads() {
    if let awaitThreads = withState({ $0.awaitThreads }) { awaitThreads() }
  }

  /// Whether the daemons have been, or are about to be, terminated: what would start another one had better not.
  static var isEnding: Bool { ending.load(ordering: .relaxed) }
  private static let ending = Atomic<Bool>(false)

  /// The threads that are not daemons are joined; the exit blocks, last first, and after each the threads that it has started; then the
  /// daemons among the children are terminated and the others joined: as Python does.
  static func end() {
    defer { Tracing.leave() }
    awaitThreads()
    // Nothing to do is the rule, and costs a child nothing.
    while withState({ $0.hasOwnLists && !$0.exitBlocks.isEmpty }), let block = withState({ $0.exitBlocks.popLast() }) {
      block()
      // Those that it has started.
      awaitThreads()
    }
    guard hasChildren else { return }
    ending.store(true, ordering: .relaxed)
    let children = reapChildren()
    let daemons = children.filter(\.isDaemon)
    for daemon in daemons { daemon.signalIgnoringErrors(.terminate) }
    let patience = Deadline(after: .seconds(5))
    for child in children where !child.isDaemon { child.waitIgnoringErrors(.never) }
    for daemon in daemons where !daemon.waitIgnoringErrors(patience) {
      daemon.signalIgnoringErrors(.kill)
      daemon.waitIgnoringErrors(.never)
    }
  }
}

/// Runs `block` when this process ends in order: by leaving its main code or by exit(3), not by a signal. The last one
/// registered runs first. Threads that a block starts, and that are not daemons, are joined ahead of the next one. A child runs the blocks
/// that were registered in it, and none of its parent's. Python's `atexit.register()`.
///
/// As in C, exit(3) is not for a signal's handler, which may have interrupted whoever holds what the end needs: have the handler tell a thread,
/// or end by _exit(2), which runs nothing.
public func atExit(_ block: @escaping @Sendable () -> Void) {
  CurrentProcess.addExitBlock(block)
}
