internal import MultiprocessingEngine

/// A progress bar on standard error, for the `progress:` of a pool's calls: how many are done, how many a second, the time left, and how many have
/// failed. Where standard error is no terminal, a plain line every ten seconds, and one at the end. The line of a call that throws is ended when the
/// closure is let go of.
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
  /// How many of those that are done have failed, where the caller counts them: while it calls a `progress:`, which takes no third number.
  @TaskLocal static var failures: Int?

  private let meter: ForkAwareLock<ProgressMeter>
  private let owner = Generation.current

  init(_ label: String) { meter = ForkAwareLock(ProgressMeter(label: label)) }

  deinit { if owner.isCurrent, let text = meter.withLock({ $0.end(on: screen) }) { Terminal.write(text) } }

  private var screen: ProgressMeter.Screen { Terminal.columns.map(ProgressMeter.Screen.terminal) ?? .plain }

  func tell(_ done: Int, _ total: Int?) {
    let moment = ProgressMeter.Moment(done: done, total: total, failures: Self.failures, time: monotonicNanoseconds())
    // What several threads write stands in the order in which they asked, as far as one can see.
    if let text = meter.withLock({ $0.update(moment, on: screen) }) { Terminal.write(text) }
  }
}
