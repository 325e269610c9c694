internal import MultiprocessingEngine

extension Popen {
  /// Programs that run side by side, each reading what the one before it writes: `a | b | c` without a shell. See
  /// `Popen.pipeline(_:stdin:stdout:stderr:workingDirectory:environment:options:)`.
  public final class Pipeline: Sendable {
    /// The programs, in their order.
    public let processes: [Popen]
    /// The first program's standard input; nil unless it is `.pipe`.
    public var standardInput: OutputStream? { processes.first?.standardInput }
    /// The last program's standard output; nil unless it is `.pipe`.
    public var standardOutput: InputStream? { processes.last?.standardOutput }
    /// The standard error of all of them; nil unless it is `.pipe`.
    public let standardError: InputStream?

    init(_ processes: [Popen], standardError: InputStream?) {
      self.processes = processes
      self.standardError = standardError
    }

    /// Waits for the end of all programs; how each has ended.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: what `Popen.wait` throws.
    @discardableResult
    public func wait(timeout: Duration? = nil) throws -> [TerminationStatus] {
      let deadline = Deadline(after: timeout)
      return try processes.map { try $0.wait(timeout: deadline.remaining) }
    }

    /// The same without blocking a thread.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: what `Popen.wait` throws.
    @discardableResult
    public nonisolated(nonsending) func wait(timeout: Duration? = nil) async throws -> [TerminationStatus] {
      let deadline = Deadline(after: timeout)
      var statuses: [TerminationStatus] = []
      for process in processes { statuses.append(try await process.wait(timeout: deadline.remaining)) }
      return statuses
    }

    /// Asks all programs to end, by SIGTERM.
    public func terminate() { for process in processes { process.terminate() } }

    /// Ends all programs, by SIGKILL.
    public func kill() { for process in processes { process.kill() } }

    /// Gives the first program its input, takes in what the last one writes, and waits for the end of all. See `Popen.communicate`.
    ///
    /// - Parameters:
    ///   - input: for `standardInput`, which is closed then.
    ///   - timeout: nil waits for ever.
    /// - Throws: what `Popen.communicate` throws. After every error all programs have been ended.
    public func communicate(
      input: [UInt8] = [], timeout: Duration? = nil
    ) throws -> (output: [UInt8], error: [UInt8]) {
      var conversation = try Conversation(with: processes, input, error: standardError, timeout)
      return try conversation.run()
    }

    /// The same without blocking a thread. Cancelling the task ends all programs, and throws `CancellationError` then.
    ///
    /// - Parameters:
    ///   - input: for `standardInput`, which is closed then.
    ///   - timeout: nil waits for ever.
    /// - Throws: what the blocking one throws; `CancellationError`.
    public nonisolated(nonsending) func communicate(
      input: [UInt8] = [], timeout: Duration? = nil
    ) async throws -> (output: [UInt8], error: [UInt8]) {
      var conversation = try Conversation(with: processes, input, error: standardError, timeout)
      return try await conversation.runSuspended()
    }

  }

  // MARK: Starting

  /// Starts programs side by side, each reading what the one before it writes: `a | b | c` without a shell.
  ///
  ///     let count = try Popen.pipeline([["ls"], ["wc", "-l"]], stdout: .pipe)
  ///     print(try count.standardOutput!.readLine() ?? "")
  ///
  /// - Parameters:
  ///   - commands: the arguments of each program.
  ///   - stdin: what the first one reads.
  ///   - stdout: where the output of the last one goes.
  ///   - stderr: where the complaints of all go. `.combinedWithOutput`: each one's into its own output.
  ///   - workingDirectory: nil: this process'.
  ///   - environment: the variables that each finds; this process' by default.
  ///   - options: what is special about each of them. A terminal is not for several.
  /// - Throws: what starting each of them throws. Those that were started have been ended then.
  public static func pipeline(
    _ commands: [[String]], stdin: Redirection = .inherit, stdout: Redirection = .inherit,
    stderr: Redirection = .inherit, workingDirectory: String? = nil, environment: Environment = .inherit,
    options: Options = .init()
  ) throws -> Pipeline {
    if commands.isEmpty { throw PopenError.invalidArgument("a pipeline without a program") }
    if options.pseudoTerminal { throw PopenError.invalidArgument("one terminal for the programs of a pipeline") }
    let last = commands.count - 1
    let errors = try SharedStream(stderr, for: commands.count)
    var input = try stdin.place(of: "stdin")
    var processes: [Popen] = []
    do {
      // Held until the next program has it.
      var between: SharedPipe?
      for (index, arguments) in commands.enumerated() {
        let next = index == last ? nil : try PopenError.telling { () throws(SystemFailure) in try SharedPipe() }
        let output = try next.map { .descriptor($0.writer.raw) } ?? stdout.place(of: "stdout")
        let places = Program.Places(input: input, output: output, error: errors.place, areTerminal: false)
        processes.append(try Popen(arguments, places, workingDirectory, environment, options))
        withExtendedLifetime((between, next)) {}
        between = next
        if let next { input = .descriptor(next.reader.raw) }
      }
      withExtendedLifetime(between) {}
    } catch {
      for process in processes {
        process.send(.kill, toProcessGroup: true)
        _ = try? process.wait()
      }
      throw error
    }
    let limit = options.outputLimit
    return Pipeline(
      processes,
      standardError: errors.reader.map { InputStream($0, limit: limit) } ?? processes[0].standardError)
  }

  /// Runs programs side by side to their end, each reading what the one before it writes, and collects what the last one writes to
  /// standard output, and all of them to standard error.
  ///
  /// - Parameters:
  ///   - commands: the arguments of each program.
  ///   - input: what the first one reads; nothing by default.
  ///   - check: whether to throw unless all exit with 0. A program whose reader had enough, and which ended by SIGPIPE, counts as if it did.
  ///   - timeout: nil waits for ever.
  ///   - stderr: `.pipe`, the default, collects it.
  ///   - workingDirectory: nil: this process'.
  ///   - environment: the variables that each finds; this process' by default.
  ///   - options: what is special about each of them.
  /// - Returns: with the status of the last program that failed, if one did.
  /// - Throws: what `run` throws.
  public static func run(
    pipeline commands: [[String]], input: [UInt8] = [], check: Bool = false, timeout: Duration? = nil,
    stderr: Redirection = .pipe, workingDirectory: String? = nil, environment: Environment = .inherit,
    options: Options = .init()
  ) throws -> Completed {
    let pipeline = try pipeline(
      commands, stdin: input.isEmpty ? .null : .pipe, stdout: .pipe, stderr: stderr,
      workingDirectory: workingDirectory, environment: environment, options: options)
    return try Completed(pipeline.processes, try pipeline.communicate(input: input, timeout: timeout), check)
  }

  /// The same without blocking a thread. Cancelling the task ends all programs, and throws `CancellationError` then.
  ///
  /// - Parameters:
  ///   - commands: the arguments of each program.
  ///   - input: what the first one reads; nothing by default.
  ///   - check: whether to throw unless all exit with 0; see the blocking one.
  ///   - timeout: nil waits for ever.
  ///   - stderr: `.pipe`, the default, collects it.
  ///   - workingDirectory: nil: this process'.
  ///   - environment: the variables that each finds; this process' by default.
  ///   - options: what is special about each of them.
  /// - Throws: what the blocking one throws; `CancellationError`.
  public nonisolated(nonsending) static func run(
    pipeline commands: [[String]], input: [UInt8] = [], check: Bool = false, timeout: Duration? = nil,
    stderr: Redirection = .pipe, workingDirectory: String? = nil, environment: Environment = .inherit,
    options: Options = .init()
  ) async throws -> Completed {
    try Task.checkCancellation()
    let pipeline = try pipeline(
      commands, stdin: input.isEmpty ? .null : .pipe, stdout: .pipe, stderr: stderr,
      workingDirectory: workingDirectory, environment: environment, options: options)
    return try Completed(pipeline.processes, try await pipeline.communicate(input: input, timeout: timeout), check)
  }

  /// One stream for the standard error of several programs.
  private struct SharedStream {
    let place: StreamPlace
    let reader: ReadingEnd?
    private let held: SharedDescriptor?

    init(_ redirection: Redirection, for count: Int) throws {
      let place = try redirection.place(of: "stderr")
      switch place {
      case .pipe where count > 1:
        let pipe = try PopenError.telling { () throws(SystemFailure) in try SharedPipe() }
        self.place = .descriptor(pipe.writer.raw)
        reader = ReadingEnd(pipe.reader)
        held = pipe.writer
      case .file(let path, let append) where count > 1:
        let file: SharedDescriptor
        do throws(ProgramFailure) {
          file = try StandardStreamPlan.file(path, forWriting: true, append: append)
        } catch {
          throw PopenError(error)
        }
        self.place = .descriptor(file.raw)
        reader = nil
        held = file
      default:
        self.place = place
        reader = nil
        held = nil
      }
    }
  }
}

extension PopenError {
  static func telling<Result>(_ body: () throws(SystemFailure) -> Result) throws(PopenError) -> Result {
    do throws(SystemFailure) { return try body() } catch { throw PopenError(error) }
  }
}
