internal import MultiprocessingEngine

extension Popen {
  /// What a program writes, as it comes. Several threads and tasks may read: each byte reaches one of them.
  public final class InputStream: Sendable {
    let end: ReadingEnd
    private let limit: Int?

    init(_ end: ReadingEnd, limit: Int?) {
      self.end = end
      self.limit = limit
    }

    /// What a look at the stream comes to: a value, the end, or the need to wait.
    private enum Found<Value> {
      case value(Value)
      case end
      case nothing
    }

    // MARK: Bytes

    /// Reads what has come, waiting as long as nothing has.
    ///
    /// - Parameters:
    ///   - count: the most bytes to take; at least 1.
    ///   - timeout: nil waits for ever.
    /// - Returns: 1 to `count` bytes; none at the end of the stream.
    /// - Throws: `TimeoutError`; `PopenError.invalidArgument`, `.system`.
    public func read(upTo count: Int, timeout: Duration? = nil) throws -> [UInt8] {
      try wait(timeout) { try look(upTo: count) } ?? []
    }

    /// The same without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once, and no byte is lost.
    ///
    /// - Parameters:
    ///   - count: the most bytes to take; at least 1.
    ///   - timeout: nil waits for ever.
    /// - Throws: what the blocking one throws; `CancellationError`.
    public nonisolated(nonsending) func read(upTo count: Int, timeout: Duration? = nil) async throws -> [UInt8] {
      try await waitSuspended(timeout) { try look(upTo: count) } ?? []
    }

    /// Reads all there is to come.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: `TimeoutError`, `PopenError.outputLimitExceeded`, `.system`. What has come is still there then, to be read.
    public func readToEnd(timeout: Duration? = nil) throws -> [UInt8] {
      try wait(timeout, lookToEnd) ?? []
    }

    /// The same without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once, and no byte is lost.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: what the blocking one throws; `CancellationError`.
    public nonisolated(nonsending) func readToEnd(timeout: Duration? = nil) async throws -> [UInt8] {
      try await waitSuspended(timeout, lookToEnd) ?? []
    }

    // MARK: Lines

    /// Reads the next line, without its "\n". What is no UTF-8 shows as U+FFFD.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Returns: nil at the end of the stream.
    /// - Throws: `TimeoutError`; `PopenError.outputLimitExceeded` for a longer line; `.system`. No byte is lost.
    public func readLine(timeout: Duration? = nil) throws -> String? { try wait(timeout, lookForLine) }

    /// The same without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once, and no byte is lost.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: what the blocking one throws; `CancellationError`.
    public nonisolated(nonsending) func readLine(timeout: Duration? = nil) async throws -> String? {
      try await waitSuspended(timeout, lookForLine)
    }

    /// The lines as they come, in a loop or in an async loop, until the stream ends.
    ///
    ///     let program = try Popen(["ls"], stdout: .pipe)
    ///     for line in program.standardOutput!.lines { print(line) }
    ///
    /// In a task, `for try await line in program.standardOutput!.lines`.
    public var lines: Lines { Lines(stream: self) }

    // MARK: The stream

    /// Closes it here: a program that goes on writing to it ends by SIGPIPE, or meets an error. Threads and tasks that wait for more meet the
    /// end of the stream; `waitAny` is not woken, and keeps it open until it returns. Twice is fine.
    public func close() { end.close() }

    /// For poll(2) and its kin, or to be another program's standard input; -1 at the end and when it is closed. Do not read or close it.
    public var fileDescriptor: Int32 { end.descriptor?.raw ?? -1 }

    // MARK: Waiting

    private func look(upTo count: Int) throws -> Found<[UInt8]> {
      if count < 1 { throw PopenError.invalidArgument("reading \(count) bytes: ask for 1 at least") }
      return try look { self.end.count > 0 ? self.end.take(upTo: count) : nil }
    }

    private func lookToEnd() throws -> Found<[UInt8]> {
      while true {
        let found = try fill()
        if let limit, end.count > limit { throw PopenError.outputLimitExceeded(limit) }
        switch found {
        case .some: continue
        case .end: return .value(end.take())
        case .nothing: return .nothing
        }
      }
    }

    private func lookForLine() throws -> Found<String> {
      try look {
        do throws(ReadingEnd.LineTooLong) {
          return try self.end.takeLine(limit: self.limit ?? .max)
        } catch {
          throw PopenError.outputLimitExceeded(self.limit ?? .max)
        }
      }
    }

    /// Takes what `take` finds, before and after more has come.
    private func look<Value>(_ take: () throws -> Value?) throws -> Found<Value> {
      while true {
        if let value = try take() { return .value(value) }
        switch try fill() {
        case .some: continue
        case .end: return try take().map { .value($0) } ?? .end
        case .nothing: return .nothing
        }
      }
    }

    private func fill() throws -> ReadingEnd.Filling {
      do throws(SystemFailure) { return try end.fill() } catch { throw PopenError(error) }
    }

    /// nil at the end of the stream.
    private func wait<Value>(_ timeout: Duration?, _ look: () throws -> Found<Value>) throws -> Value? {
      let deadline = Deadline(after: timeout)
      while true {
        switch try look() {
        case .value(let value): return value
        case .end: return nil
        case .nothing:
          guard let watch else { continue }
          let isWorthALook = try PopenError.telling { () throws(SystemFailure) in try watch.wait(until: deadline) }
          guard isWorthALook else { throw outOfTime(timeout) }
        }
      }
    }

    private nonisolated(nonsending) func waitSuspended<Value>(
      _ timeout: Duration?, _ look: () throws -> Found<Value>
    ) async throws -> Value? {
      try Task.checkCancellation()
      let deadline = Deadline(after: timeout)
      while true {
        switch try look() {
        case .value(let value): return value
        case .end: return nil
        case .nothing:
          guard let watch else { continue }
          do {
            guard try await watch.waitSuspended(until: deadline) else { throw outOfTime(timeout) }
          } catch let failure as SystemFailure {
            throw PopenError(failure)
          }
        }
      }
    }

    /// nil when the stream has ended or was closed meanwhile.
    private var watch: StreamWatch? {
      var watch = StreamWatch()
      end.join(&watch)
      return watch.isEmpty ? nil : watch
    }

    private func outOfTime(_ timeout: Duration?) -> TimeoutError {
      TimeoutError(operation: "what a program writes", timeout: timeout ?? .zero)
    }
  }
}
