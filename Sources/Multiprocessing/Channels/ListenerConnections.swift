internal import Glibc
internal import MultiprocessingEngine

extension Listener {
  /// The connections as they come, those left out whose peers do not have the key: `for try await connection in listener.connections`, or
  /// without `try await` where threads wait. The loop ends when it comes back to a listener that was closed in this process.
  public var connections: Connections { Connections(listener: self) }

  /// What a listener accepts, connection by connection. Several loops, in whatever tasks and processes, share them.
  public struct Connections: Sequence, AsyncSequence, Sendable {
    let listener: Listener

    /// Accepts connections as they come. What the system refuses ends the loop as well, with one line on standard error;
    /// `accept(timeout:)` throws it.
    public func makeIterator() -> Iterator { Iterator(listener: listener) }

    /// Accepts connections as they come, without blocking a thread. Cancelling the task ends the loop with `CancellationError`.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(listener: listener) }

    /// The loop that blocks.
    public struct Iterator: IteratorProtocol {
      let listener: Listener

      /// Waits for the next connection; nil once the listener was closed in this process.
      public mutating func next() -> Connection? {
        while true {
          do {
            return try listener.accept()
          } catch ConnectionError.authenticationFailed {
            continue
          } catch ConnectionError.closed {
            return nil
          } catch {
            StandardStreams.complain("process \(getpid()): a loop over connections ends early: \(error)")
            return nil
          }
        }
      }
    }

    /// The loop that suspends its task.
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
