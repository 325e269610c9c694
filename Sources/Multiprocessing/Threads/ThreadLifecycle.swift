/// The life of a thread object: which step may follow which.
struct ThreadLifecycle: Equatable {
  enum Phase: Equatable {
    case new, starting, running, ended
  }

  private(set) var phase = Phase.new

  /// `start()` was called; the thread is about to be made.
  mutating func begin() throws(ThreadError) {
    guard phase == .new else { throw .alreadyStarted }
    phase = .starting
  }

  /// No thread came of it: `start()` may be tried again.
  mutating func failed() { if phase == .starting { phase = .new } }

  /// The system has made the thread. It may have ended by now.
  mutating func launched() { if phase == .starting { phase = .running } }

  mutating func ended() { phase = .ended }

  /// Waiting and results ask for a thread.
  func requireStarted() throws(ThreadError) { if phase == .new { throw .notStarted } }
}
