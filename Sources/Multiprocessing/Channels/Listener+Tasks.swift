internal import MultiprocessingEngine

// Waiting in a task.
extension Listener {
  /// Waits for the next connection without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once: a peer that
  /// was about to authenticate itself is turned away, and others go on waiting.
  ///
  /// - Parameter timeout: nil waits for ever. A peer has five seconds, or what is left of `timeout`, to authenticate itself.
  /// - Throws: what the blocking one throws; `CancellationError`; `.system` also when the system lacks what the first wait of a program
  ///   needs, a thread and two descriptors.
  public nonisolated(nonsending) func accept(timeout: Duration? = nil) async throws -> Connection {
    do {
      return Connection(try await socket.acceptSuspended(until: Deadline(after: timeout)))
    } catch let failure as SocketFailure {
      throw ConnectionError.told(of: failure, "a connection at \(address)", timeout)
    }
  }
}
