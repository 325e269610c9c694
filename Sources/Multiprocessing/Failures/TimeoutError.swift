/// A wait that ran out of time.
public struct TimeoutError: Error, Codable, Sendable, Hashable, CustomStringConvertible {
  /// What was waited for: "the result of Process-1".
  public let operation: String
  /// The time that was given; a negative one is zero.
  public let timeout: Duration
  /// What a program had written to standard output until then; nil for everything else.
  public let partialOutput: [UInt8]?
  /// The same of standard error.
  public let partialError: [UInt8]?

  /// Tells of a wait for `operation` that took longer than `timeout`.
  public init(
    operation: String, timeout: Duration, partialOutput: [UInt8]? = nil, partialError: [UInt8]? = nil
  ) {
    self.operation = operation
    self.timeout = max(timeout, .zero)
    self.partialOutput = partialOutput
    self.partialError = partialError
  }

  /// "waited 2.0 seconds for the result of Process-1, in vain".
  public var description: String { "waited \(timeout) for \(operation), in vain" }
}
