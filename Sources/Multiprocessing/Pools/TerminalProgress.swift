internal import MultiprocessingEngine

/// A progress bar on standard error, for the `progress:` of a pool's calls: how many are done, how many a second, and the time left. Where
/// standard error is no terminal, a plain line every ten seconds, and one at the end.
///
///     let pool = try Pool()
///     let squares = try pool.map(1...1000, progress: terminalProgress("squares")) { $0 * $0 }
///
/// - Parameter label: stands in front; one line.
public func terminalProgress(_ label: String = "") -> @Sendable (_ done: Int, _ total: Int?) -> Void {
  let progress = TerminalProgress(label)
  return { done, total in progress.tell(done, total) }
}

/// A meter that is shown on standard error.
final class TerminalProgress: Sendable {
  private let meter: ForkAwareLock<ProgressMeter>

  init(_ label: String) { meter = ForkAwareLock(ProgressMeter(label: label)) }

  /// - Parameter failures: how many of those that are done have failed, if the caller counts them.
  func tell(_ done: Int, _ total: Int?, failures: Int? = nil) {
    let moment = ProgressMeter.Moment(done: done, total: total, failures: failures, time: monotonicNanoseconds())
    let screen = Terminal.columns.map(ProgressMeter.Screen.terminal) ?? .plain
    // What several threads write stands in the order in which they asked, as far as one can see.
    if let text = meter.withLock({ $0.update(moment, on: screen) }) { Terminal.write(text) }
  }
}
