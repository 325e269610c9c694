/// A program that has ended, and what it had to say. Python's `CompletedProcess`.
public struct Completed: Codable, Hashable, Sendable {
  /// What it was started with: the program, then what it was given. Those of a pipeline with a "|" between its programs.
  public let arguments: [String]
  /// How it ended.
  public let status: TerminationStatus
  /// What it wrote to standard output, as far as that was collected.
  public let output: [UInt8]
  /// What it wrote to standard error, as far as that was collected.
  public let error: [UInt8]

  /// What has come of programs that have ended. Throws `PopenError.failed` when that is to be checked for.
  init(_ processes: [Popen], _ written: (output: [UInt8], error: [UInt8]), _ check: Bool) throws {
    arguments = Array(processes.map(\.arguments).joined(separator: ["|"]))
    status = Self.status(of: try processes.map { try $0.finalStatus() })
    (output, error) = written
    if check && !isSuccess { throw PopenError.failed(self) }
  }

  /// The last that is no success. That the reader had enough is none of the writer's failures.
  static func status(of statuses: [TerminationStatus]) -> TerminationStatus {
    guard let last = statuses.last else { return .exited(0) }
    if last != .exited(0) { return last }
    return statuses.dropLast().last { $0 != .exited(0) && $0 != .signaled(.brokenPipe) } ?? last
  }

  /// `output` as text. What is no UTF-8 shows as U+FFFD.
  public var outputText: String { String(decoding: output, as: UTF8.self) }

  /// `error` as text. What is no UTF-8 shows as U+FFFD.
  public var errorText: String { String(decoding: error, as: UTF8.self) }

  /// Python's `returncode`: the exit code, or minus the signal's number.
  public var returnCode: Int32 { status.exitCode }

  /// Whether it exited with 0.
  public var isSuccess: Bool { status == .exited(0) }
}

extension Completed: CustomStringConvertible {
  /// "grep -q x exited with 1".
  public var description: String { "\(arguments.joined(separator: " ")) \(status)" }
}
