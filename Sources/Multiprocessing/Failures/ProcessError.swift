internal import Glibc

/// What goes wrong with a process: how it is used, and how it ends.
public enum ProcessError: Error, Codable, Sendable, Equatable {
  /// The child ended with this code, and sent no result.
  case exited(Int32)
  /// The child crashed: a trap, a bad pointer, an abort.
  case crashed(CrashReport)
  /// Somebody ended the child with a signal.
  case killed(Signal)
  /// The child threw an error that is not `Codable`.
  case thrown(RemoteError)
  /// The child went past one of its `ResourceLimits`; the text names it.
  case limitExceeded(String)

  /// Asked for what only a started process has.
  case notStarted
  /// A process object starts once.
  case alreadyStarted
  /// Asked in a process that is not the one that made the object.
  case notParent
  /// Asked after `close()`.
  case closed
  /// `close()` of a process that is running.
  case stillRunning
  /// The system could not start a process; errno(3).
  case launchFailed(errno: Int32)
  /// An argument that cannot cross to the child; the text names it.
  case unsupportedArgument(String)
}

extension ProcessError: CustomStringConvertible {
  /// A sentence: what was done or happened, and what to do instead.
  public var description: String {
    switch self {
    case .exited(let code):
      "The process exited with \(code) before its result was sent."
    case .crashed(let report):
      "\(report)"
    case .killed(let signal):
      "The process was killed by \(signal)."
    case .thrown(let error):
      "The process threw \(error)"
    case .limitExceeded(let limit):
      "The process went past its limit: \(limit)."
    case .notStarted:
      "The process has not been started: call start() first."
    case .alreadyStarted:
      "The process has been started already: a process object starts once, make a new one."
    case .notParent:
      "The process object belongs to another process: only the one that made it can start it, wait for it or signal it."
    case .closed:
      "The process object is closed: ask for results before close()."
    case .stillRunning:
      "The process is still running: join() or terminate() it before close()."
    case .launchFailed(let errno):
      "The system could not start a process: \(String(cString: strerror(errno)))."
    case .unsupportedArgument(let argument):
      "An argument cannot cross to the child: \(argument)."
    }
  }
}
