internal import Glibc
internal import MultiprocessingEngine

/// A signal, by its number on this system; signal(7).
public struct Signal: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
  /// The number, as kill(2) takes it.
  public let rawValue: Int32

  /// The signal with that number; whether the system knows one shows when it is sent.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// SIGHUP: the terminal is gone.
  public static let hangUp = Signal(rawValue: SIGHUP)
  /// SIGINT: what Ctrl-C sends.
  public static let interrupt = Signal(rawValue: SIGINT)
  /// SIGQUIT: what Ctrl-\ sends.
  public static let quit = Signal(rawValue: SIGQUIT)
  /// SIGILL: a trap of the compiler's, on x86-64.
  public static let illegalInstruction = Signal(rawValue: SIGILL)
  /// SIGTRAP: a trap of the compiler's, on arm64.
  public static let trap = Signal(rawValue: SIGTRAP)
  /// SIGABRT: abort().
  public static let abort = Signal(rawValue: SIGABRT)
  /// SIGBUS: memory without anything behind it.
  public static let busError = Signal(rawValue: SIGBUS)
  /// SIGFPE: an integer division by zero in C.
  public static let arithmeticError = Signal(rawValue: SIGFPE)
  /// SIGKILL: the end, which nothing stops.
  public static let kill = Signal(rawValue: SIGKILL)
  /// SIGUSR1: for the program's own use.
  public static let user1 = Signal(rawValue: SIGUSR1)
  /// SIGSEGV: a bad pointer.
  public static let segmentationFault = Signal(rawValue: SIGSEGV)
  /// SIGUSR2: for the program's own use.
  public static let user2 = Signal(rawValue: SIGUSR2)
  /// SIGPIPE: a write that nobody will read.
  public static let brokenPipe = Signal(rawValue: SIGPIPE)
  /// SIGALRM: a timer of alarm(2).
  public static let alarm = Signal(rawValue: SIGALRM)
  /// SIGTERM: a polite end.
  public static let terminate = Signal(rawValue: SIGTERM)
  /// SIGCHLD: a child has ended.
  public static let child = Signal(rawValue: SIGCHLD)
  /// SIGCONT: goes on after a stop.
  public static let `continue` = Signal(rawValue: SIGCONT)
  /// SIGSTOP: halts, which nothing stops.
  public static let stop = Signal(rawValue: SIGSTOP)
  /// SIGTSTP: what Ctrl-Z sends.
  public static let terminalStop = Signal(rawValue: SIGTSTP)
  /// SIGXCPU: too much processor time.
  public static let processorTimeExceeded = Signal(rawValue: SIGXCPU)
  /// SIGXFSZ: too large a file.
  public static let fileSizeExceeded = Signal(rawValue: SIGXFSZ)
  /// SIGSYS: a forbidden system call.
  public static let badSystemCall = Signal(rawValue: SIGSYS)

  /// The signal's name, "SIGKILL"; "signal 40" for one without.
  public var description: String {
    Host.signalName(rawValue) ?? "signal \(rawValue)"
  }

  /// What a program does to itself by a mistake, as opposed to what others send.
  var isCrash: Bool {
    [.illegalInstruction, .trap, .abort, .busError, .arithmeticError, .segmentationFault, .badSystemCall]
      .contains(self)
  }

  /// Reads the number.
  public init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(Int32.self)
  }

  /// Writes the number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}
