internal import Glibc
internal import MultiprocessingEngine

/// Another program, running beside this one. Python's `subprocess.Popen`.
///
///     let listing = try Popen.run(["ls", "-l"])
///     print(listing.outputText)
///
///     let server = try Popen(["python3", "-m", "http.server"], stdout: .null)
///     server.terminate()
///     try server.wait()
///
/// The first argument names the program: a path, or a name that is looked for in the PATH of its environment, as a shell does. No
/// shell takes part: arguments arrive as they are. To have one, ask for it: `["/bin/sh", "-c", "a | b"]`.
///
/// The program has the standard streams that it is given, the descriptors of `Options.passDescriptors`, and no others; no signal is
/// blocked in it, no handler of this process' is left, and SIGPIPE is at its default. Starting it takes no longer when this process
/// has much memory.
///
/// An object that nobody holds any more lets its program run on; what has ended is reaped. The end of this program does not wait for
/// the programs it has started.
///
/// The descriptors of a program are marked close-on-exec, and a child of this library's never has them. A fork(2) of your own drops them in its
/// child too, but for one that is being made in that very moment: a child that then lives on without executing a program keeps a pipe open.
///
/// All methods may be called from any thread. In a child of this process they throw `ProcessError.notParent`.
public final class Popen: Sendable {
  /// The program and what it was given.
  public let arguments: [String]
  /// The program's standard input, to be written; nil unless it is `.pipe`.
  public let standardInput: OutputStream?
  /// The program's standard output, to be read; nil unless it is `.pipe`.
  public let standardOutput: InputStream?
  /// The program's standard error, to be read; nil unless it is `.pipe`.
  public let standardError: InputStream?

  let program: Program
  let options: Options
  private let owner = Generation.current

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - arguments: the program, then what it is given.
  ///   - stdin: what it reads; this process' own by default.
  ///   - stdout: where its output goes; to this process' own by default.
  ///   - stderr: where its complaints go; to this process' own by default.
  ///   - workingDirectory: nil: this process'. A relative path of a program begins there.
  ///   - environment: the variables it finds, PATH among them; this process' by default.
  ///   - options: what is special about it.
  /// - Throws: `PopenError.notFound`, `.permissionDenied`, `.invalidArgument`, `.system`. Nothing was started then.
  public convenience init(
    _ arguments: [String], stdin: Redirection = .inherit, stdout: Redirection = .inherit,
    stderr: Redirection = .inherit, workingDirectory: String? = nil, environment: Environment = .inherit,
    options: Options = .init()
  ) throws {
    let places = Program.Places(
      input: try stdin.place(of: "stdin"), output: try stdout.place(of: "stdout"),
      error: try stderr.place(of: "stderr"),
      areTerminal: options.pseudoTerminal)
    try self.init(arguments, places, workingDirectory, environment, options)
  }

  init(
    _ arguments: [String], _ places: Program.Places, _ folder: String?, _ environment: Environment, _ options: Options
  ) throws(PopenError) {
    let request = try Self.request(arguments, places, folder, environment, options)
    // What this program has printed before comes first.
    if places.output == .inherited || places.error == .inherited { StandardStreams.flush() }
    let started: (program: Program, ends: Program.Ends)
    do throws(ProgramFailure) {
      started = try Program.start(request, places)
    } catch {
      throw PopenError(error)
    }
    program = started.program
    self.arguments = arguments
    self.options = options
    standardInput = started.ends.input.map { OutputStream($0) }
    standardOutput = started.ends.output.map { InputStream($0, limit: options.outputLimit) }
    standardError = started.ends.error.map { InputStream($0, limit: options.outputLimit) }
  }

  deinit { if owner.isCurrent { Program.forget(program.child) } }

  private static func request(
    _ arguments: [String], _ places: Program.Places, _ folder: String?, _ environment: Environment, _ options: Options
  ) throws(PopenError) -> ProgramRequest {
    if arguments.isEmpty { throw .invalidArgument("no argument at all: the first one names the program") }
    for argument in arguments { try refuseNUL(argument, in: "an argument") }
    if let folder { try refuseNUL(folder, in: "the working directory") }
    try options.validate()
    var request = ProgramRequest(arguments: arguments.map { Array($0.utf8) })
    request.environment = try environment.entries()
    request.folder = folder
    request.passedDescriptors = options.passDescriptors
    request.newSession = options.newSession
    request.group = options.processGroup
    if request.group == nil, !options.newSession, !options.pseudoTerminal, !Syscall.hasControllingTerminal() {
      request.group = 0
    }
    request.fileModeMask = options.umask
    request.user = options.userID
    request.userGroup = options.groupID
    request.groups = options.supplementaryGroups
    request.diesWithParent = options.diesWithParent
    return request
  }

  /// Throws the misuse.
  func requireOwner() throws(ProcessError) {
    if !owner.isCurrent { throw .notParent }
  }

  var isOwner: Bool { owner.isCurrent }
}

extension Popen.Redirection {
  func place(of stream: String) throws(PopenError) -> StreamPlace {
    switch self {
    case .inherit: return .inherited
    case .pipe: return .pipe
    case .null: return .null
    case .combinedWithOutput:
      guard stream == "stderr" else { throw .invalidArgument(".combinedWithOutput is for stderr alone") }
      return .output
    case .fileDescriptor(let number): return .descriptor(number)
    case .path(let path, let append):
      try Popen.refuseNUL(path, in: "the path for \(stream)")
      return .file(path, append: append)
    }
  }
}
