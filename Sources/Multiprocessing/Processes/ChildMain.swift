internal import Glibc
internal import MultiprocessingEngine

/// What a child does between its launch record and its report.
enum ChildMain {
  /// Decodes the arguments, runs what was asked for, encodes what came of it.
  typealias Body = (_ arguments: InheritedArguments) throws -> [UInt8]

  static func run(_ storage: ProcessStorage, _ payload: Payload, _ body: Body) -> ChildOutcome {
    do {
      let (record, arguments) = try LaunchRecord.parse(payload.bytes)
      CurrentProcess.become(record, storage)
      Tracing.began(record.name, parent: record.parent.pid)
      // A line beyond the limit would end the child.
      if record.limits.fileSize != nil { Tracing.stop() }
      try record.limits.apply()
      // The report may need a longer file than the body's, and one descriptor more. What cannot be lifted shows in the report.
      defer {
        if record.limits.fileSize != nil { try? Syscall.lift(.fileSize) }
        if record.limits.openFiles != nil { try? Syscall.lift(.openFiles) }
      }
      return .value(try withExtendedLifetime(payload) { try body(arguments) })
    } catch {
      let remote = RemoteError(error)
      Tracing.failed("\(remote)")
      return .error(
        ThrownError.encode(error, told: remote), announcement: "Process \(currentProcess().name) failed: \(remote)")
    }
  }
}
