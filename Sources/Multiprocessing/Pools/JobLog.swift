internal import MultiprocessingEngine

/// A file with a line for each task that has ended, as GNU parallel's `--joblog` has it: for people, and for a run that goes on where
/// another one ended.
///
/// Each line is written whole and at once, when its task has ended: what a kill leaves is a log of all that was done, at worst with a torn last line,
/// which is passed over.
final class JobLog: Sendable {
  private struct State {
    var succeeded: [JobKey: [UInt8]?] = [:]
    /// The file does not end with a whole line.
    var isTorn = false
  }

  private let file: AppendedFile
  private let state: ForkAwareLock<State>

  /// - Parameter resume: reads what is there, and adds to it; else the file begins anew.
  /// - Throws: `SystemError`.
  init(_ path: String, resume: Bool) throws {
    do {
      file = try AppendedFile(path, truncates: !resume)
      let bytes = resume ? try file.read() : []
      state = ForkAwareLock(State(succeeded: Self.successes(in: bytes), isTorn: bytes.last.map { $0 != 10 } ?? false))
      if bytes.isEmpty { try Array("\(JobLogEntry.heading)\n".utf8).withUnsafeBytes { try file.append($0) } }
    } catch let failure as SystemFailure {
      throw SystemError(failure)
    }
  }

  /// The tasks that a log tells have succeeded, with their results as far as it has them.
  static func successes(in bytes: [UInt8]) -> [JobKey: [UInt8]?] {
    var successes: [JobKey: [UInt8]?] = [:]
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let entry = JobLogEntry(line: String(decoding: line, as: UTF8.self)) else { continue }
      if entry.outcome == .succeeded { successes.updateValue(entry.result, forKey: entry.key) }
    }
    return successes
  }

  /// Whether the log it resumed told that this one has succeeded.
  func hasSucceeded(_ key: JobKey) -> Bool { state.withLock { $0.succeeded[key] != nil } }

  /// The encoded result that the log it resumed has of this one.
  func result(of key: JobKey) -> [UInt8]? { state.withLock { $0.succeeded[key] ?? nil } }

  /// Adds a line.
  ///
  /// - Throws: `SystemError`: ENOSPC when the disk is full.
  func add(_ entry: JobLogEntry) throws {
    let bytes = Array("\(entry.line)\n".utf8)
    do {
      // Under the lock, so that a line begins where another one has ended.
      try state.withLock { state in
        let line = state.isTorn ? [UInt8(ascii: "\n")] + bytes : bytes
        state.isTorn = true
        try line.withUnsafeBytes { try file.append($0) }
        state.isTorn = false
      }
    } catch let failure as SystemFailure {
      throw SystemError(failure)
    }
  }
}
