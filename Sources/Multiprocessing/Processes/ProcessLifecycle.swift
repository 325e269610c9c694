/// The life of a process object, as its parent sees it: which step may follow which.
struct ProcessLifecycle: Equatable {
  enum Phase: Equatable {
    case new, starting, running, ended, closed
  }

  private(set) var phase = Phase.new

  /// `start()` was called; the child is about to be made.
  mutating func begin() throws(ProcessError) {
    switch phase {
    case .new: phase = .starting
    case .closed: throw .closed
    case .starting, .running, .ended: throw .alreadyStarted
    }
  }

  /// The child exists.
  mutating func launched() {
    precondition(phase == .starting)
    phase = .running
  }

  /// No child came of it: `start()` may be tried again.
  mutating func failed() {
    precondition(phase == .starting)
    phase = .new
  }

  /// The child was reaped. May be told more than once; true the first time.
  @discardableResult
  mutating func ended() -> Bool {
    guard phase == .running else { return false }
    phase = .ended
    return true
  }

  /// Lets go of the child. Twice is fine.
  mutating func close() throws(ProcessError) {
    switch phase {
    case .new, .ended, .closed: phase = .closed
    case .starting, .running: throw .stillRunning
    }
  }

  /// Waiting, signalling and results ask for a child.
  func requireStarted() throws(ProcessError) {
    switch phase {
    case .new, .starting: throw .notStarted
    case .closed: throw .closed
    case .running, .ended: return
    }
  }
}
