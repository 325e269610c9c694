internal import Glibc
internal import MultiprocessingEngine

/// What goes wrong with a `Connection` or a `Listener`.
public enum ConnectionError: Error, Codable, Sendable, Hashable {
  /// Every process that had the other end has closed it or ended, and all that it sent has been received.
  case peerClosed
  /// Closed on this side.
  case closed
  /// The writing end of a pair that goes one way.
  case notReadable
  /// The reading end of a pair that goes one way.
  case notWritable
  /// What was received is not a message, or not one of the kind that was asked for; the text says more. It is gone.
  case corruptMessage(String)
  /// A message of that many bytes, more than were asked for. It is gone, and the connection goes on.
  case messageTooLong(Int)
  /// The peer has not shown that it has the key, or does not ask for one as it should.
  case authenticationFailed
  /// The system refused; errno(3).
  case system(errno: Int32)
}

extension ConnectionError: CustomStringConvertible {
  /// A sentence: what was done or happened, and what to do instead.
  public var description: String {
    switch self {
    case .peerClosed:
      "The other end of the connection is closed: there is nothing more to receive, and nobody to send to."
    case .closed:
      "The connection or listener is closed in this process: use it before close()."
    case .notReadable:
      "This is the writing end of a connection that goes one way: receive from the other one."
    case .notWritable:
      "This is the reading end of a connection that goes one way: send to the other one."
    case .corruptMessage(let reason):
      "A message could not be read: \(reason)."
    case .messageTooLong(let length):
      "A message of \(length) bytes was dropped: it is longer than maxLength allows."
    case .authenticationFailed:
      "The peer did not authenticate itself: both sides need the same authKey."
    case .system(let errno):
      "The system refused: \(String(cString: strerror(errno)))."
    }
  }
}

extension ConnectionError {
  /// Does something with sockets, whose failures become public errors; those of anything else pass.
  static func translating<Value>(
    _ operation: @autoclosure () -> String, _ timeout: Duration?, _ body: () throws -> Value
  ) throws -> Value {
    do {
      return try body()
    } catch let failure as SocketFailure {
      throw told(of: failure, operation(), timeout)
    }
  }

  static func told(of failure: SocketFailure, _ operation: String, _ timeout: Duration?) -> any Error {
    switch failure {
    case .end: ConnectionError.peerClosed
    case .closed: ConnectionError.closed
    case .timedOut: TimeoutError(operation: operation, timeout: timeout ?? .zero)
    case .corrupt(let reason): ConnectionError.corruptMessage(reason)
    case .tooLong(let length): ConnectionError.messageTooLong(length)
    case .unauthentic: ConnectionError.authenticationFailed
    case .system(let failure): ConnectionError.system(errno: failure.errno)
    }
  }
}
