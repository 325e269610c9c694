internal import Glibc
internal import MultiprocessingEngine

/// What goes wrong with a program: how it is asked for, how it is started, and how it ends.
public enum PopenError: Error, Codable, Sendable, Equatable {
  /// Nothing was started, for something is not there: the program, as it was named, the interpreter of a script, the working directory, or
  /// the file for a stream. The text says which.
  case notFound(String)
  /// Nothing was started, for the system does not permit it: a file that is not executable, a directory, a user to become. The text
  /// says which.
  case permissionDenied(String)
  /// Asked for something that makes no sense: no argument at all, a NUL, a "=" in a variable's name. The text says what.
  case invalidArgument(String)
  /// With `check: true`: the program did not exit with 0.
  case failed(Completed)
  /// The program wrote more than its `outputLimit`, and was ended.
  case outputLimitExceeded(Int)
  /// The stream is closed here.
  case closed
  /// The system refuses; errno(3). EPIPE: the program reads no more.
  case system(errno: Int32)

  init(_ failure: SystemFailure) { self = .system(errno: failure.errno) }

  init(_ failure: ProgramFailure) {
    switch failure {
    case .notFound(let name): self = .notFound(name)
    case .lacksInterpreter(let interpreter, let file): self = .notFound("\(interpreter) (the interpreter of \(file))")
    case .notExecutable(let path): self = .permissionDenied(path)
    case .isFolder(let path): self = .permissionDenied("\(path) (a directory)")
    case .tooMuch: self = .invalidArgument("more arguments and variables than the system hands over")
    case .folder(let path, let errno): self.init(errno, about: "\(path) (the working directory)")
    case .file(let path, let errno): self.init(errno, about: "\(path) (the file for a stream)")
    case .descriptor(let number, _): self = .invalidArgument("descriptor \(number) is not open")
    case .user(let errno): self.init(errno, about: "another user or group")
    case .group(let number, let errno): self.init(errno, about: "process group \(number)")
    case .system(let failure): self.init(failure)
    }
  }

  private init(_ errno: Int32, about what: String) {
    switch errno {
    case ENOENT: self = .notFound(what)
    case ENOTDIR: self = .notFound("\(what) is not a directory")
    case EACCES, EPERM, EISDIR, EROFS: self = .permissionDenied(what)
    default: self = .system(errno: errno)
    }
  }
}

extension PopenError: CustomStringConvertible {
  /// A sentence: what was done or happened, and what to do instead.
  public var description: String {
    switch self {
    case .notFound(let what):
      "No program was started, for this was not found: \(what). Check the name, PATH and the working directory."
    case .permissionDenied(let what):
      "No program was started, for the system does not permit it: \(what). A program is a file that may be executed."
    case .invalidArgument(let what):
      "A program cannot be asked for that: \(what)."
    case .failed(let completed):
      "\(completed)\(Self.excerpt(completed.errorText)); without check: true, look at the status yourself."
    case .outputLimitExceeded(let limit):
      "The program wrote more than \(limit) bytes and was ended: raise outputLimit, or read its output as it comes."
    case .closed:
      "The stream is closed: use it before close()."
    case .system(EPIPE):
      "The program reads its input no more: it has closed it, or has ended."
    case .system(let errno):
      "The system refuses to start or to serve a program: \(String(cString: strerror(errno)))."
    }
  }

  /// The last line that says something.
  private static func excerpt(_ text: String) -> String {
    guard let line = text.split(whereSeparator: \.isNewline).last else { return "" }
    return ", saying \"\(line.prefix(200))\""
  }
}
