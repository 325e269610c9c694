internal import Glibc

/// Who a process is.
public struct ProcessIdentity: Sendable, Hashable, Codable {
  /// For people; need not be unique.
  public let name: String
  /// The number the system knows it by.
  public let pid: Int32
  /// Whether its parent terminates it at its own end.
  public let isDaemon: Bool
}

/// The process this code runs in; "MainProcess" in the program itself. Python's `current_process()`.
public func currentProcess() -> ProcessIdentity {
  CurrentProcess.identity
}

/// The process that started this one; nil in the program itself. Python's `parent_process()`.
public func parentProcess() -> ProcessIdentity? {
  CurrentProcess.parent
}

/// The children of this process that are still running. Reaps those that have ended. Python's `active_children()`.
public func activeChildren() -> [ProcessIdentity] {
  CurrentProcess.reapChildren().compactMap(\.identity)
}
