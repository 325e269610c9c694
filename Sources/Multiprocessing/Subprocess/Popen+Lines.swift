internal import Glibc
internal import MultiprocessingEngine

extension Popen {
  /// The lines of a stream, without their "\n", as they come. A loop that ends early loses nothing: another one goes on.
  public struct Lines: Sequence, AsyncSequence, Sendable {
    /// A line.
    public typealias Element = String

    let stream: InputStream

    /// Takes lines until the stream ends. What goes wrong ends the loop as well, with one line on standard error;
    /// `InputStream.readLine` throws it.
    public func makeIterator() -> Iterator { Iterator(stream: stream) }

    /// Takes lines until the stream ends. Cancelling the task ends the loop with `CancellationError`.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: stream) }

    /// The loop `for line in lines`.
    public struct Iterator: IteratorProtocol {
      let stream: InputStream

      /// Waits for the next line; nil at the end.
      public mutating func next() -> String? {
        do {
          return try stream.readLine()
        } catch {
          StandardStreams.complain("process \(getpid()): a loop over a program's lines ends early: \(error)")
          return nil
        }
      }
    }

    /// The loop `for try await line in lines`.
    public struct AsyncIterator: AsyncIteratorProtocol {
      let stream: InputStream

      /// Waits for the next line; nil at the end.
      ///
      /// - Throws: what `InputStream.readLine` throws.
      public nonisolated(nonsending) mutating func next() async throws -> String? { try await stream.readLine() }
    }
  }
}
