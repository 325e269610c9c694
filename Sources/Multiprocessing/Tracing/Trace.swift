internal import MultiprocessingEngine

/// A record of what the processes of a program do: their starts, lives, waits, crashes and ends, and what the program marks itself, in
/// one file in the Chrome trace event format. [Perfetto](https://ui.perfetto.dev) and `chrome://tracing` show it; `swift run mptrace
/// FILE -o FILE.svg` draws it, and prints a summary.
///
///     try Trace.start(path: "trace.json")
///     let sum = try Trace.span("add up") { try Process.run { (1...1_000_000).reduce(0, +) } }
///     Trace.mark("the sum is \(sum)")
///     Trace.stop()
///
/// `MP_TRACE=trace.json` in the environment records a program as it is, from the first thing on that there is to be recorded; programs
/// that it runs, and that use this library as well, write to the same file.
///
/// Every child that is started while a trace is on writes to it. Each event is one line that one system call appends, so a process that is
/// killed loses nothing that had happened, and lines never mix. What is not recorded costs next to nothing: a look at one word, at
/// places where a process is about to sleep or to fork.
///
/// Tracing never disturbs the program. If the file cannot be written to any more, for a full disk say, the process that notices says so
/// once on standard error and records nothing from then on. A child with a limit of `fileSize`, which a line could exceed, records no
/// more than its beginning; its parent records its end.
public enum Trace {
  /// Begins a trace of this process and of the children that it starts from now on. Those that run already go unrecorded. The file is
  /// made, or emptied; a file to which another program writes its trace at the moment takes both.
  ///
  /// - Parameter path: relative to the current directory.
  /// - Throws: `SystemError` with `EBUSY` when a trace is on already, be it a parent's or what `MP_TRACE` asks for: `stop()` it first. With `EINVAL` for a path
  ///   that is no regular file, and with what open(2) says.
  public static func start(path: String) throws {
    do throws(SystemFailure) {
      try Tracing.start(path: path, processName: CurrentProcess.identity.name)
    } catch {
      throw SystemError(error)
    }
  }

  /// Ends the trace of this process, and leaves the file. Children that are recorded stay so. Nothing happens when there is none.
  public static func stop() { Tracing.stop() }

  /// Whether this process is recorded.
  public static var isOn: Bool { Tracing.isOn }

  /// Records a moment. Not for the handler of a signal.
  ///
  /// - Parameter name: what happened. Looked at only when it is recorded, and shortened beyond some 1,000 bytes.
  @inlinable
  public static func mark(_ name: @autoclosure () -> String) {
    if isOn { record(name()) }
  }

  @usableFromInline
  static func record(_ name: String) { Tracing.mark(name) }

  /// Runs `body`, and records how long it took, whether it returned or threw. Spans may be nested.
  ///
  /// - Parameters:
  ///   - name: what is done. Looked at only when it is recorded, and shortened beyond some 1,000 bytes.
  ///   - body: is run in any case.
  /// - Returns: what `body` returns.
  /// - Throws: what `body` throws.
  @inlinable
  public static func span<Result, Failure: Error>(
    _ name: @autoclosure () -> String, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard isOn else { return try body() }
    let span = OpenSpan(name())
    defer { span.end() }
    return try body()
  }

  /// The same for async work, which may go from thread to thread.
  ///
  /// - Parameters:
  ///   - name: what is done. Looked at only when it is recorded, and shortened beyond some 1,000 bytes.
  ///   - body: is run in any case.
  /// - Returns: what `body` returns.
  /// - Throws: what `body` throws.
  public nonisolated(nonsending) static func span<Result, Failure: Error>(
    _ name: @autoclosure () -> String, _ body: nonisolated(nonsending) () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    let span = Tracing.beginAsync(.user, name())
    defer { span.end() }
    return try await body()
  }

  @usableFromInline
  struct OpenSpan {
    private let span: TraceSpan

    @usableFromInline
    init(_ name: String) { span = Tracing.begin(.user, name) }

    @usableFromInline
    func end() { span.end() }
  }
}
