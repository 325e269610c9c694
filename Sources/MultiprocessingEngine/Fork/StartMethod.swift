/// How a child comes into being. A method turns a request into a running child, or throws and leaves nothing behind.
package protocol StartMethod: Sendable {
  /// Throws `SystemFailure`.
  func start(_ request: borrowing StartRequest) throws -> ChildProcess
}

/// All that a start method is told.
package struct StartRequest {
  /// Everything the child needs to know, in bytes: it crosses a pipe, whatever the method.
  package var record: [UInt8]
  /// Whether the child goes on when its parent dies.
  package var survivesParent: Bool
  /// Whether the child notes its first SIGTERM (`Termination`) rather than end by it.
  package var catchesTermination: Bool
  /// One of the engine's descriptors that the child keeps beside those of the start itself.
  package var kept: Int32?
  /// What the child runs, for the methods that copy the parent's memory.
  package var body: ChildBody

  package init(
    record: [UInt8], survivesParent: Bool, catchesTermination: Bool = false, kept: Int32? = nil,
    body: @escaping ChildBody
  ) {
    self.record = record
    self.survivesParent = survivesParent
    self.catchesTermination = catchesTermination
    self.kept = kept
    self.body = body
  }
}

/// Receives the record that was sent, in the child, on its only thread.
package typealias ChildBody = (_ record: Payload) -> ChildOutcome

/// What a child's body came to, as the layer above encodes it.
package enum ChildOutcome {
  case value([UInt8])
  /// With a line for whoever reads the child's standard error.
  case error([UInt8], announcement: String)
}
