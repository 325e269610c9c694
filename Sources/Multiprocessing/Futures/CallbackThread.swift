internal import MultiprocessingEngine

/// Where the callbacks of futures run that are completed by a thread which others rely on: a callback may wait for what that very thread brings.
///
/// The thread is there while there are callbacks, which run one after another, in the order in which they came.
final class CallbackThread: Sendable {
  typealias Callback = @Sendable () -> Void

  private struct State {
    var waiting: [Callback] = []
    var isRunning = false
  }

  private let state = ForkAwareLock(State())

  func run(_ callback: @escaping Callback) {
    let isFirst = state.withLock { state in
      defer { state.isRunning = true }
      state.waiting.append(callback)
      return !state.isRunning
    }
    guard isFirst else { return }
    do throws(SystemFailure) {
      // The program's handlers are to run on the program's threads.
      try SignalMask.withAllBlocked {
        Result { () throws(SystemFailure) in try DetachedThread.start { [self] in drain() } }
      }.get()
    } catch {
      // Here is better than never.
      drain()
    }
  }

  private func drain() {
    while let callback = next() { callback() }
  }

  private func next() -> Callback? {
    state.withLock { state in
      if state.waiting.isEmpty {
        state.isRunning = false
        return nil
      }
      return state.waiting.removeFirst()
    }
  }
}
