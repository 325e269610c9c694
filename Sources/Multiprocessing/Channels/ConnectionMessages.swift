internal import Glibc
internal import MultiprocessingEngine

extension Connection {
  /// The messages as values of one type, until the peer has closed its end: `for try await value in connection.messages(of: Int.self)`, or
  /// without `try await` where threads wait.
  public func messages<T: Decodable>(of type: T.Type = T.self) -> Messages<T> {
    Messages(connection: self) {
      try $0.receive(type)
    } receiveSuspended: {
      try await $0.receive(type)
    }
  }

  /// The messages as bytes, until the peer has closed its end.
  ///
  /// - Parameter maxLength: a longer message is dropped, and throws `ConnectionError.messageTooLong`. nil takes any.
  public func byteMessages(maxLength: Int? = nil) -> Messages<[UInt8]> {
    Messages(connection: self) {
      try $0.receiveBytes(maxLength: maxLength)
    } receiveSuspended: {
      try await $0.receiveBytes(maxLength: maxLength)
    }
  }

  /// What a connection brings, message by message. Several loops over one connection share the messages.
  public struct Messages<Element>: Sequence, AsyncSequence {
    let connection: Connection
    fileprivate let receive: (Connection) throws -> Element
    fileprivate let receiveSuspended: nonisolated(nonsending) (Connection) async throws -> Element

    fileprivate init(
      connection: Connection, _ receive: @escaping (Connection) throws -> Element,
      receiveSuspended: nonisolated(nonsending) @escaping (Connection) async throws -> Element
    ) {
      self.connection = connection
      self.receive = receive
      self.receiveSuspended = receiveSuspended
    }

    /// Takes messages as they come. What cannot be received ends the loop as well, with one line on standard error;
    /// `receive(_:timeout:)` throws it.
    public func makeIterator() -> Iterator { Iterator(messages: self) }

    /// Takes messages as they come, without blocking a thread. Cancelling the task ends the loop with `CancellationError`, and no message is
    /// lost.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(messages: self) }

    /// The loop that blocks.
    public struct Iterator: IteratorProtocol {
      let messages: Messages

      /// Waits for the next message; nil once the peer has closed its end.
      public mutating func next() -> Element? {
        do {
          return try messages.receive(messages.connection)
        } catch ConnectionError.peerClosed {
          return nil
        } catch {
          StandardStreams.complain("process \(getpid()): a loop over a connection ends early: \(error)")
          return nil
        }
      }
    }

    /// The loop that suspends its task.
    public struct AsyncIterator: AsyncIteratorProtocol {
      let messages: Messages

      /// Waits for the next message; nil once the peer has closed its end.
      ///
      /// - Throws: what `receive(_:timeout:)` or `receiveBytes(maxLength:timeout:)` throws but for `ConnectionError.peerClosed`.
      public nonisolated(nonsending) mutating func next() async throws -> Element? {
        do {
          return try await messages.receiveSuspended(messages.connection)
        } catch ConnectionError.peerClosed {
          return nil
        }
      }
    }
  }
}
