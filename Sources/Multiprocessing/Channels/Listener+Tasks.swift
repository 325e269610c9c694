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

  /// The connections as they come, those left out whose peers do not have the key. The loop ends when it comes back to a listener that was closed
  /// in this process, and with `CancellationError` when the task is cancelled.
  public var connections: Connections { Connections(listener: self) }

  /// The loop `for try await connection in listener.connections`.
  public struct Connections: AsyncSequence, Sendable {
    let listener: Listener

    /// Begins a loop. Several, in whatever tasks and processes, share the connections.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(listener: listener) }

    /// Accepts one connection after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
      let listener: Listener

      /// Waits for the next connection; nil once the listener was closed in this process.
      ///
      /// - Throws: what `accept(timeout:)` throws but for `ConnectionError.authenticationFailed` and `.closed`.
      public nonisolated(nonsending) mutating func next() async throws -> Connection? {
        while true {
          do {
            return try await listener.accept()
          } catch ConnectionError.authenticationFailed {
            continue
          } catch ConnectionError.closed {
            return nil
          }
        }
      }
    }
  }
}
