internal import Glibc
internal import MultiprocessingEngine

// Receiving in a task.
extension Connection {
  /// Waits for the next message, which has to be a value of that type, without blocking a thread. Cancelling the task ends
  /// the wait with `CancellationError`, at once, and no message is lost.
  ///
  /// - Parameters:
  ///   - type: may be left out where it follows from what becomes of the value.
  ///   - timeout: nil waits for ever.
  /// - Throws: what the blocking one throws; `CancellationError`; `ConnectionError.closed` also when the connection is closed
  ///   while it waits and the next message comes; `.system` when the system lacks what the first wait of a program needs, a
  ///   thread and two descriptors.
  public nonisolated(nonsending) func receive<T: Decodable>(
    _ type: T.Type = T.self, timeout: Duration? = nil
  ) async throws -> T {
    // A value of any type crosses no isolation: this runs where its caller does.
    try await whenReadable(timeout) { try take(type, timeout: .zero) }
  }

  /// Waits for the next message, which has to be one of `sendBytes(_:)`, without blocking a thread. Cancelling the task ends
  /// the wait with `CancellationError`, at once, and no message is lost.
  ///
  /// - Parameters:
  ///   - maxLength: a longer message is dropped, and throws `ConnectionError.messageTooLong`. nil takes any.
  ///   - timeout: nil waits for ever.
  /// - Throws: what the blocking one throws; see `receive(_:timeout:)` for what a wait in a task adds.
  public nonisolated(nonsending) func receiveBytes(
    maxLength: Int? = nil, timeout: Duration? = nil
  ) async throws -> [UInt8] {
    try await whenReadable(timeout) { try takeBytes(maxLength: maxLength, timeout: .zero) }
  }

  /// Waits for the next message, which has to be one of `send(fileDescriptor:)`, without blocking a thread. Cancelling the
  /// task ends the wait with `CancellationError`, at once, and no message is lost. The descriptor is the caller's to close; it is
  /// closed by exec(3).
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Throws: what the blocking one throws; see `receive(_:timeout:)` for what a wait in a task adds.
  public nonisolated(nonsending) func receiveFileDescriptor(timeout: Duration? = nil) async throws -> Int32 {
    try await whenReadable(timeout) { try takeFileDescriptor(timeout: .zero) }
  }

  // The blocking ones, which an async function does not reach by their names.
  private func take<T: Decodable>(_ type: T.Type, timeout: Duration) throws -> T { try receive(type, timeout: timeout) }
  private func takeBytes(maxLength: Int?, timeout: Duration) throws -> [UInt8] {
    try receiveBytes(maxLength: maxLength, timeout: timeout)
  }
  private func takeFileDescriptor(timeout: Duration) throws -> Int32 { try receiveFileDescriptor(timeout: timeout) }

  /// Tries `body`, which does not wait, whenever there may be a message, until it finds one: another task, thread or process may have
  /// been faster.
  private nonisolated(nonsending) func whenReadable<Value>(
    _ timeout: Duration?, _ body: () throws -> Value
  ) async throws -> Value {
    try Task.checkCancellation()
    let deadline = Deadline(after: timeout)
    guard let held = socket.hold() else { throw ConnectionError.closed }
    // Its number stays this socket's until the wait is over.
    defer { withExtendedLifetime(held) {} }
    while true {
      do {
        return try body()
      } catch is TimeoutError {}
      let isReadable: Bool
      let span = Tracing.beginAsync(.wait, "a message")
      defer { span.end() }
      do {
        isReadable = try await Reactor.waitReadable([held.raw], until: deadline)
      } catch let failure as SystemFailure {
        throw ConnectionError.system(errno: failure.errno)
      }
      guard isReadable else {
        throw TimeoutError(operation: "a message", timeout: timeout ?? .zero)
      }
    }
  }
}
