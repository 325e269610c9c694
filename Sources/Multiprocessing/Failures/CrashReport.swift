internal import MultiprocessingEngine

/// A crash of a child: what happened, and where.
///
/// The function names, files and lines are looked up when they are first asked for, which takes some milliseconds, or when
/// the report is encoded.
public struct CrashReport: Codable, Sendable, Equatable {
  /// One function that was running, or the place of an inlined one.
  public struct Frame: Codable, Sendable, Hashable {
    /// Demangled; "<unknown>" for one that nothing names.
    public let function: String
    /// As the compiler was given it; nil where no debug information tells.
    public let file: String?
    /// From 1; nil where no debug information tells.
    public let line: Int?
    /// Of the instruction, or of the one after a call.
    public let address: UInt
  }

  /// The signal that ended the child.
  public let signal: Signal
  /// The child's; another process may have it by now.
  public let pid: Int32
  /// The child's `name` when its end was noticed.
  public let processName: String
  /// The address that could not be read, written or executed; nil where the signal has none.
  public let faultAddress: UInt?
  private let details: CrashDetails

  /// What the runtime said, "Index out of range"; nil when it said nothing.
  public var message: String? { details.resolved.message }

  /// Innermost first. Empty for a thread that overflowed its stack, unless it is the child's first.
  public var backtrace: [Frame] { details.resolved.backtrace }

  init(_ record: CrashRecord, processName: String, pid: Int32) {
    signal = Signal(rawValue: record.signal)
    self.pid = pid
    self.processName = processName
    faultAddress = record.faultAddress
    details = CrashDetails(record)
  }

  /// A crash that left no record.
  init(signal: Signal, processName: String, pid: Int32) {
    self.signal = signal
    self.pid = pid
    self.processName = processName
    faultAddress = nil
    details = CrashDetails(CrashDetails.Resolved(message: nil, backtrace: []))
  }

  private enum CodingKeys: String, CodingKey {
    case signal, pid, processName, faultAddress, message, backtrace
  }

  /// Reads a report with its names in place.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    signal = try container.decode(Signal.self, forKey: .signal)
    pid = try container.decode(Int32.self, forKey: .pid)
    processName = try container.decode(String.self, forKey: .processName)
    faultAddress = try container.decodeIfPresent(UInt.self, forKey: .faultAddress)
    details = CrashDetails(
      CrashDetails.Resolved(
        message: try container.decodeIfPresent(String.self, forKey: .message),
        backtrace: try container.decode([Frame].self, forKey: .backtrace)))
  }

  /// Looks the names up, and writes them: addresses mean nothing in another program.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(signal, forKey: .signal)
    try container.encode(pid, forKey: .pid)
    try container.encode(processName, forKey: .processName)
    try container.encodeIfPresent(faultAddress, forKey: .faultAddress)
    try container.encodeIfPresent(message, forKey: .message)
    try container.encode(backtrace, forKey: .backtrace)
  }

  /// Whether two reports tell the same; looks the names up.
  public static func == (left: CrashReport, right: CrashReport) -> Bool {
    left.signal == right.signal && left.pid == right.pid && left.processName == right.processName
      && left.faultAddress == right.faultAddress && left.details.resolved == right.details.resolved
  }
}

extension CrashReport: CustomStringConvertible {
  /// Where this library's files lay when it was built: what called the child's body is of no interest to a log.
  private static let ownSources = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(
    3
  )
  .joined(separator: "/")

  /// The frames that a log has room for.
  private static let framesShown = 24

  /// One line that tells what happened, and one for each frame.
  public var description: String {
    var lines = [
      "The process \(processName) (pid \(pid)) crashed with \(signal)" + (message.map { ": \($0)" } ?? "")
    ]
    let frames = backtrace.prefix { $0.file?.hasPrefix(Self.ownSources) != true }
    let shown = frames.isEmpty ? backtrace[...] : frames
    lines += shown.prefix(Self.framesShown).map { "    at \($0)" }
    if shown.count > Self.framesShown { lines.append("    and \(shown.count - Self.framesShown) more") }
    return lines.joined(separator: "\n")
  }
}

extension CrashReport.Frame: CustomStringConvertible {
  /// "parse(_:) in main.swift:12".
  public var description: String {
    guard let file else { return function }
    let name = file.split(separator: "/").last.map(String.init) ?? file
    return "\(function) in \(name)" + (line.map { ":\($0)" } ?? "")
  }
}

/// What a crash record tells once its addresses have names.
private final class CrashDetails: Sendable {
  struct Resolved: Equatable {
    var message: String?
    var backtrace: [CrashReport.Frame]
  }

  private enum State {
    case recorded(CrashRecord)
    case resolved(Resolved)
  }

  private let state: ForkAwareLock<State>

  init(_ record: CrashRecord) { state = ForkAwareLock(.recorded(record)) }
  init(_ resolved: Resolved) { state = ForkAwareLock(.resolved(resolved)) }

  var resolved: Resolved {
    state.withLock { state in
      switch state {
      case .resolved(let resolved): return resolved
      case .recorded(let record):
        let symbolication = Symbolication(of: record)
        let resolved = Resolved(
          message: record.message ?? symbolication.runtimeFailure,
          backtrace: symbolication.frames.map {
            CrashReport.Frame(function: $0.function, file: $0.file, line: $0.line, address: $0.address)
          })
        state = .resolved(resolved)
        return resolved
      }
    }
  }
}
