internal import MultiprocessingEngine

/// A misuse of a thread, or a thread that could not be started.
public enum ThreadError: Error, Codable, Sendable, Hashable {
  /// Waited for before `start()`.
  case notStarted
  /// Started twice.
  case alreadyStarted
  /// Waited for by itself.
  case joiningItself
  /// Asked in a child for the result of a thread that its parent had started, and that had not ended at the fork.
  case lostInFork
  /// The system refused; `errno` of errno(3): EAGAIN when there are too many threads or no memory is left, EINVAL for a stack size that
  /// is too small.
  case system(errno: Int32)

  init(_ failure: SystemFailure) { self = .system(errno: failure.errno) }
}

extension ThreadError: CustomStringConvertible {
  /// A sentence: what was done or happened, and what to do instead.
  public var description: String {
    switch self {
    case .notStarted: "The thread was not started: call start() first."
    case .alreadyStarted: "The thread was started already: make another one to run it again."
    case .joiningItself: "A thread cannot wait for its own end: let another thread join it."
    case .lostInFork:
      "The thread runs in the parent process only, and brings no result in this one: start a thread here, or ask in the parent."
    case .system(let errno):
      "The system refused: \(SystemFailure("start a thread", errno: errno))."
    }
  }
}
