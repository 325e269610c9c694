internal import Glibc
internal import MultiprocessingEngine

/// A wait or a transfer that the system could not carry out: too many open files, no memory left. What was to be waited
/// for or read is still there, and the call can be made again.
public struct SystemError: Error, Codable, Sendable, Hashable, CustomStringConvertible {
  /// What was tried: "receive a message".
  public let operation: String
  /// The number of errno(3).
  public let errno: Int32

  init(_ failure: SystemFailure) {
    operation = failure.operation
    errno = failure.errno
  }

  /// "cannot receive a message: Too many open files".
  public var description: String { SystemFailure(operation, errno: errno).description }
}
