internal import Glibc
internal import MultiprocessingEngine

extension Popen {
  /// What a program reads. Several threads may write: what is longer than a pipe holds may then mix with another's.
  public final class OutputStream: Sendable {
    let end: WritingEnd

    init(_ end: WritingEnd) { self.end = end }

    /// Writes all of `bytes`, waiting while the program does not read and the pipe is full. A program that has closed its input or has
    /// ended raises no SIGPIPE.
    ///
    /// - Parameters:
    ///   - bytes: may be none.
    ///   - timeout: nil waits for ever.
    /// - Throws: `PopenError.system`, with EPIPE when the program reads no more; `.closed`; `TimeoutError`. Part of it may have been
    ///   written then.
    public func write(_ bytes: [UInt8], timeout: Duration? = nil) throws {
      let deadline = Deadline(after: timeout)
      var rest = bytes[...]
      while let watch = try advance(&rest) {
        let hasRoom = try PopenError.telling { () throws(SystemFailure) in try watch.wait(until: deadline) }
        guard hasRoom else { throw outOfTime(timeout) }
      }
    }

    /// The same without blocking a thread. Cancelling the task ends the wait with `CancellationError`, at once; part of it may have
    /// been written then.
    ///
    /// - Parameters:
    ///   - bytes: may be none.
    ///   - timeout: nil waits for ever.
    /// - Throws: what the blocking one throws; `CancellationError`.
    public nonisolated(nonsending) func write(_ bytes: [UInt8], timeout: Duration? = nil) async throws {
      try Task.checkCancellation()
      let deadline = Deadline(after: timeout)
      var rest = bytes[...]
      while let watch = try advance(&rest) {
        do {
          guard try await watch.waitSuspended(until: deadline) else { throw outOfTime(timeout) }
        } catch let failure as SystemFailure {
          throw PopenError(failure)
        }
      }
    }

    /// Writes text, as UTF-8.
    ///
    /// - Parameters:
    ///   - text: may be empty.
    ///   - timeout: nil waits for ever.
    /// - Throws: what `write(_:timeout:)` throws for bytes.
    public func write(_ text: String, timeout: Duration? = nil) throws {
      try write(Array(text.utf8), timeout: timeout)
    }

    /// Writes text, as UTF-8, without blocking a thread.
    ///
    /// - Parameters:
    ///   - text: may be empty.
    ///   - timeout: nil waits for ever.
    /// - Throws: what `write(_:timeout:)` throws for bytes.
    public nonisolated(nonsending) func write(_ text: String, timeout: Duration? = nil) async throws {
      try await write(Array(text.utf8), timeout: timeout)
    }

    /// Closes it here: the program meets the end of its input. Threads and tasks that wait for room meet `PopenError.closed`. Twice is fine. A
    /// terminal is told by Ctrl-D, as soon as it has room for it, and stays.
    public func close() { end.close() }

    /// Whether it is closed here.
    public var isClosed: Bool { end.isClosed }

    /// Writes what there is room for; what to wait for then, nil when all is written.
    private func advance(_ rest: inout ArraySlice<UInt8>) throws(PopenError) -> StreamWatch? {
      while !rest.isEmpty {
        do throws(SystemFailure) {
          if let count = try end.write(rest) {
            rest = rest.dropFirst(count)
            continue
          }
        } catch {
          throw error.errno == EBADF && end.isClosed ? .closed : PopenError(error)
        }
        var watch = StreamWatch()
        end.join(&watch)
        if !watch.isEmpty { return watch }
      }
      return nil
    }

    private func outOfTime(_ timeout: Duration?) -> TimeoutError {
      TimeoutError(operation: "a program to read", timeout: timeout ?? .zero)
    }
  }
}
