internal import Glibc
internal import MultiprocessingEngine

/// What a child does between its launch record and its report.
enum ChildMain {
  /// Decodes the arguments, runs what was asked for, encodes what came of it.
  typealias Body = (_ arguments: UnsafeRawBufferPointer) throws -> [UInt8]

  static func run(_ storage: ProcessStorage, _ payload: Payload, _ body: Body) -> ChildOutcome {
    do {
      let (record, arguments) = try LaunchRecord.parse(payload.bytes)
      CurrentProcess.become(record, storage)
      try record.limits.apply()
      // The report may be longer than a file of the body's may be.
      defer { if record.limits.fileSize != nil { try? Syscall.lift(.fileSize) } }
      return .value(try withExtendedLifetime(payload) { try body(arguments) })
    } catch {
      announce(error)
      return .error(ThrownError.encode(error))
    }
  }

  /// One line for whoever reads the child's standard error.
  private static func announce(_ error: any Error) {
    let text = "Process \(currentProcess().name) failed: \(RemoteError(error))"
    var line = text.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
    // With standard error closed there is nobody to tell; the error itself goes to the parent.
    line.withUTF8 { try? Syscall.writeAll(STDERR_FILENO, UnsafeRawBufferPointer($0)) }
  }
}
