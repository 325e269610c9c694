internal import MultiprocessingEngine

/// How a process ended.
public enum TerminationStatus: Hashable, Codable, Sendable, CustomStringConvertible {
  /// It left by itself, with this code; 0 is success.
  case exited(Int32)
  /// A signal ended it.
  case signaled(Signal)

  /// Python's `exitcode`: the code, or minus the signal's number.
  public var exitCode: Int32 {
    switch self {
    case .exited(let code): code
    case .signaled(let signal): -signal.rawValue
    }
  }

  /// "exited with 3", "ended by SIGKILL".
  public var description: String {
    switch self {
    case .exited(let code): "exited with \(code)"
    case .signaled(let signal): "ended by \(signal)"
    }
  }

  init(_ termination: ExitStatus.Termination) {
    switch termination {
    case .exited(let code): self = .exited(code)
    case .signaled(let number): self = .signaled(Signal(rawValue: number))
    // Python's choice for a child that somebody else has reaped.
    case .unknown: self = .exited(255)
    }
  }
}
