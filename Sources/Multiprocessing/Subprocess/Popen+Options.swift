extension Popen {
  /// Where one of a program's standard streams leads.
  public enum Redirection: Sendable, Hashable {
    /// Where this process' own leads.
    case inherit
    /// Through a pipe to this process: `standardInput`, `standardOutput`, `standardError`.
    case pipe
    /// Nowhere: nothing to read, and what is written is lost.
    case null
    /// For standard error: where standard output leads. Python's `STDOUT`.
    case combinedWithOutput
    /// An open file of this process'. It stays open here, and is the caller's to close.
    case fileDescriptor(Int32)
    /// A file, read for standard input, else made if need be and written, at its end or from a new beginning. Relative to this process'
    /// working directory. A FIFO is waited for until its other side is open, by the calling thread alone, and without a limit: where that
    /// matters, open it yourself, with O_NONBLOCK, and give `.fileDescriptor`.
    case path(String, append: Bool)

    /// A file from a new beginning.
    public static func path(_ path: String) -> Redirection { .path(path, append: false) }
  }

  /// What is special about a program.
  public struct Options: Sendable, Hashable {
    /// The process group to join, 0 for one of its own. nil, the default: this process' group where this process has a terminal, so that the
    /// program may prompt there, and Ctrl-C and the shell's job control reach both; else one of its own.
    ///
    /// A timeout or a cancellation ends all that the program has started in its group. In a group of its own nothing is missed. In this
    /// process' group, or one that it has joined, that is found by descent, as far as there are descriptors to hold it by, and what has lost its
    /// parent by then is not: ask for 0 where that matters more than the terminal.
    public var processGroup: Int32?
    /// A session of its own, without a terminal; setsid(2).
    public var newSession: Bool
    /// Further open descriptors that the program keeps, under the numbers they have here, whether they are marked to be closed or
    /// not. All others are closed.
    public var passDescriptors: [Int32]
    /// The user that the program runs as. Takes a privilege, and then the time that a fork(2) of this process takes. The supplementary
    /// groups stay what they are.
    public var userID: UInt32?
    /// The group that the program runs as; see `userID`.
    public var groupID: UInt32?
    /// The supplementary groups that the program has; see `userID`. nil: those of this process.
    public var supplementaryGroups: [UInt32]?
    /// The mode bits that files of the program's making lack, 0o022 for one; nil: as here.
    public var umask: UInt32?
    /// Whether the system kills the program when this process dies, however that comes. What the program has started is not reached.
    public var diesWithParent: Bool
    /// Whether the program runs on a terminal of its own, 24 lines of 80 columns, in a session of its own. Streams that are `.inherit`
    /// or `.pipe` lead there, standard error only if it is `.inherit`; `standardInput` and `standardOutput` are its other side. The
    /// terminal echoes what is written to it, and ends lines with "\r\n": it begins as terminals do, and the program, or stty(1) ahead of
    /// it, may put it into raw mode.
    public var pseudoTerminal: Bool
    /// The bytes that are collected of each stream at most, by `run`, `communicate`, `readToEnd` and as a line; nil: as many as there
    /// is memory for.
    public var outputLimit: Int?
    /// The time between SIGTERM and SIGKILL for a program, and all that it has started in its group, that is ended by a timeout or a cancellation;
    /// 1 second by default. What the program leaves behind in its group has it from Linux 6.9 on.
    public var gracePeriod: Duration

    /// Nothing special but what is given; each of them is a property of the same name.
    public init(
      processGroup: Int32? = nil, newSession: Bool = false, passDescriptors: [Int32] = [], userID: UInt32? = nil,
      groupID: UInt32? = nil, supplementaryGroups: [UInt32]? = nil, umask: UInt32? = nil,
      diesWithParent: Bool = false, pseudoTerminal: Bool = false, outputLimit: Int? = nil,
      gracePeriod: Duration = .seconds(1)
    ) {
      self.processGroup = processGroup
      self.newSession = newSession
      self.passDescriptors = passDescriptors
      self.userID = userID
      self.groupID = groupID
      self.supplementaryGroups = supplementaryGroups
      self.umask = umask
      self.diesWithParent = diesWithParent
      self.pseudoTerminal = pseudoTerminal
      self.outputLimit = outputLimit
      self.gracePeriod = gracePeriod
    }

    func validate() throws(PopenError) {
      if let limit = outputLimit, limit < 0 { throw .invalidArgument("an outputLimit of \(limit) bytes") }
      if let mask = umask, mask > 0o777 { throw .invalidArgument("a umask of \(mask), beyond 0o777") }
      // The system takes that number for none.
      if [userID, groupID].contains(.max) || supplementaryGroups?.contains(.max) == true {
        throw .invalidArgument("the user or group \(UInt32.max), which is none")
      }
      if let group = processGroup {
        if group < 0 { throw .invalidArgument("process group \(group)") }
        if group > 0, newSession || pseudoTerminal {
          throw .invalidArgument("a session of its own, and process group \(group) of another one")
        }
      }
    }
  }
}
