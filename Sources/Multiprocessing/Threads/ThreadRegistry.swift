internal import MultiprocessingEngine

/// The threads of this process that run, and the numbers of those that were made.
///
/// A child may find its parent's here. It is replaced and never freed: no state is touched that another thread of the parent was
/// changing at the fork.
final class ThreadRegistry: Sendable {
  private struct State {
    var count = 0
    var running: [ObjectIdentifier: ThreadStorage] = [:]
  }

  private let generation = Generation.current
  private let state = ForkAwareLock(State())

  private static let ofThisProcess = ForkAwareLock<ThreadRegistry?>(nil)

  static var current: ThreadRegistry {
    ofThisProcess.withLock { current in
      if let current, current.generation.isCurrent { return current }
      if let inherited = current { _ = Unmanaged.passRetained(inherited) }
      let registry = ThreadRegistry()
      current = registry
      return registry
    }
  }

  /// The number of the next thread object made here.
  func nextNumber() -> Int {
    state.withLock { state in
      state.count += 1
      return state.count
    }
  }

  /// Keeps a thread that is about to be started, until `remove`.
  func add(_ thread: ThreadStorage) {
    let isFirst = state.withLock { state in
      state.running[ObjectIdentifier(thread)] = thread
      return state.running.count == 1
    }
    if isFirst { CurrentProcess.beforeEnd(awaitThreads: Self.awaitThreads, giveWay: Self.giveWay) }
  }

  func remove(_ thread: ThreadStorage) {
    // Let go of without the lock.
    _ = state.withLock { $0.running.removeValue(forKey: ObjectIdentifier(thread)) }
  }

  /// In the order of their making.
  var running: [ThreadStorage] { state.withLock { Array($0.running.values) }.sorted { $0.number < $1.number } }

  // MARK: The end

  /// At the process' end: waits for the threads that are not daemons, and those that they start meanwhile.
  private static let awaitThreads: @Sendable () -> Void = {
    guard let registry = ofThisProcess.withLock({ $0 }), registry.generation.isCurrent else { return }
    // A thread that ends the process itself does not wait for itself, nor for others that do the same. Whoever waits for it already does
    // so until the process is gone.
    if let storage = ThreadContext.ifAny?.storage { registry.remove(storage) }
    while let thread = registry.running.first(where: { !$0.isDaemon }) { thread.waitForEnd() }
  }

  /// On a thread that wants to end the process while another one does, which may be waiting for it.
  private static let giveWay: @Sendable () -> Void = { ThreadContext.ifAny?.storage?.endWithProcess() }
}
