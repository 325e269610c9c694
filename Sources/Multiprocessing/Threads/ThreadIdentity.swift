internal import MultiprocessingEngine

/// Who a thread is.
public struct ThreadIdentity: Sendable, Hashable, Codable {
  /// For people; need not be unique.
  public let name: String
  /// The number that the system knows it by, gettid(2).
  public let nativeID: UInt64
  /// Whether it is the one that the process began with.
  public let isMain: Bool
  /// Whether the program ends without waiting for it; false for a thread that this library has not started.
  public let isDaemon: Bool
}

/// The thread this code runs on: "MainThread" for the first one of the program or of a child; for a thread that this library has not started, the
/// name that the system knows. Python's `threading.current_thread()`.
public func currentThread() -> ThreadIdentity {
  let (nativeID, isMain) = (RunningThread.nativeID, RunningThread.isFirst)
  guard let storage = ThreadContext.ifAny?.storage else {
    let name = isMain ? "MainThread" : RunningThread.systemName
    return ThreadIdentity(name: name, nativeID: nativeID, isMain: isMain, isDaemon: false)
  }
  // The object may have been renamed since the start.
  return ThreadIdentity(name: storage.name, nativeID: nativeID, isMain: isMain, isDaemon: storage.isDaemon)
}

/// The number that the system knows this thread by, gettid(2). Python's `threading.get_native_id()`.
public func nativeThreadID() -> UInt64 { RunningThread.nativeID }

/// The threads of this process that this library has started, and that are still running, in the order of their making. Like Python's
/// `threading.enumerate()`, without the main one.
public func activeThreads() -> [ThreadIdentity] { ThreadRegistry.current.running.compactMap(\.identity) }
