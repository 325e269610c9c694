internal import MultiprocessingEngine

extension Popen {
  /// Gives the program its input, takes in all it writes, and waits for its end. Any amount goes both ways, and neither side waits for the
  /// other. Python's `communicate`.
  ///
  /// A program need not read its input to the end. What it writes ends when all who have its streams have closed them: something
  /// that it has started and left behind holds up the return, as in Python, until the timeout.
  ///
  /// - Parameters:
  ///   - input: for `standardInput`, which is closed then.
  ///   - timeout: nil waits for ever.
  /// - Returns: what was written to those streams that are `.pipe`.
  /// - Throws: after every error the program, and all that it has started in its group, has been ended. `TimeoutError` with what had been
  ///   written until then; `PopenError.outputLimitExceeded`, `.system`; `.invalidArgument` for input without a pipe,
  ///   `.closed` for input after `close()`, and `ProcessError.notParent`, which leave the program alone.
  public func communicate(
    input: [UInt8] = [], timeout: Duration? = nil
  ) throws -> (output: [UInt8], error: [UInt8]) {
    var conversation = try Conversation(with: [self], input, error: standardError, timeout)
    return try conversation.run()
  }

  /// The same without blocking a thread. Cancelling the task ends the program, and all that it has started in its group, and throws
  /// `CancellationError` then.
  ///
  /// - Parameters:
  ///   - input: for `standardInput`, which is closed then.
  ///   - timeout: nil waits for ever.
  /// - Throws: what the blocking one throws; `CancellationError`.
  public nonisolated(nonsending) func communicate(
    input: [UInt8] = [], timeout: Duration? = nil
  ) async throws -> (output: [UInt8], error: [UInt8]) {
    var conversation = try Conversation(with: [self], input, error: standardError, timeout)
    return try await conversation.runSuspended()
  }

  // MARK: From start to end

  /// Runs a program to its end, and collects what it writes. Python's `subprocess.run` with `capture_output=True`.
  ///
  ///     let sorted = try Popen.run(["sort", "-n"], input: Array("10\n9\n".utf8), check: true)
  ///     print(sorted.outputText)
  ///
  /// - Parameters:
  ///   - arguments: the program, then what it is given.
  ///   - input: what it reads; nothing by default.
  ///   - check: whether to throw when it does not exit with 0.
  ///   - timeout: nil waits for ever. What the program has started and left behind with its streams counts too; see `communicate`.
  ///   - stderr: `.pipe`, the default, collects it.
  ///   - workingDirectory: nil: this process'.
  ///   - environment: the variables it finds; this process' by default.
  ///   - options: what is special about it.
  /// - Throws: what the start throws: `PopenError.notFound`, `.permissionDenied`, `.invalidArgument`, `.system`. Then, when the program and
  ///   all that it has started in its group have been ended: `TimeoutError` with what had been written, `PopenError.outputLimitExceeded`,
  ///   `.system`. `PopenError.failed` with `check: true`.
  public static func run(
    _ arguments: [String], input: [UInt8] = [], check: Bool = false, timeout: Duration? = nil,
    stderr: Redirection = .pipe, workingDirectory: String? = nil, environment: Environment = .inherit,
    options: Options = .init()
  ) throws -> Completed {
    let popen = try Popen(
      arguments, stdin: input.isEmpty ? .null : .pipe, stdout: .pipe, stderr: stderr,
      workingDirectory: workingDirectory, environment: environment, options: options)
    return try Completed([popen], try popen.communicate(input: input, timeout: timeout), check)
  }

  /// The same without blocking a thread. Cancelling the task ends the program, and all that it has started in its group, and throws
  /// `CancellationError` then.
  ///
  /// - Parameters:
  ///   - arguments: the program, then what it is given.
  ///   - input: what it reads; nothing by default.
  ///   - check: whether to throw when it does not exit with 0.
  ///   - timeout: nil waits for ever.
  ///   - stderr: `.pipe`, the default, collects it.
  ///   - workingDirectory: nil: this process'.
  ///   - environment: the variables it finds; this process' by default.
  ///   - options: what is special about it.
  /// - Throws: what the blocking one throws; `CancellationError`.
  public nonisolated(nonsending) static func run(
    _ arguments: [String], input: [UInt8] = [], check: Bool = false, timeout: Duration? = nil,
    stderr: Redirection = .pipe, workingDirectory: String? = nil, environment: Environment = .inherit,
    options: Options = .init()
  ) async throws -> Completed {
    try Task.checkCancellation()
    let popen = try Popen(
      arguments, stdin: input.isEmpty ? .null : .pipe, stdout: .pipe, stderr: stderr,
      workingDirectory: workingDirectory, environment: environment, options: options)
    return try Completed([popen], try await popen.communicate(input: input, timeout: timeout), check)
  }
}
