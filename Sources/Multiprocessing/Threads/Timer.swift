internal import MultiprocessingEngine
import Synchronization

/// Calls a function after a while, on a thread of its own, unless it is cancelled before. Python's `threading.Timer`.
///
///     let timer = Timer(interval: .seconds(30)) { print("time is up") }
///     try timer.start()
///     timer.cancel()
///
/// The program waits at its end for a timer that has been started and not cancelled.
public final class Timer: Sendable {
  private let thread: Thread<Void>
  private let alarm = TimerAlarm()

  /// - Parameters:
  ///   - interval: the time from `start()` to the call; a negative one is zero.
  ///   - target: is called once, on the timer's thread.
  public init(interval: Duration, target: @escaping @Sendable () -> Void) {
    thread = Thread(target: { [alarm] in
      if alarm.waitToRing(interval) { target() }
    })
    thread.name = "Timer-\(thread.storage.number)"
  }

  /// Starts the clock.
  ///
  /// - Throws: `ThreadError.alreadyStarted`, `.system`.
  public func start() throws { try thread.start() }

  /// Keeps the target from being called, unless it has been called or is running. A timer that is cancelled before `start()` never calls it.
  public func cancel() { alarm.cancel() }

  /// Waits until the target has returned, or the timer was cancelled.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Returns: false when time ran out.
  /// - Throws: `ThreadError.notStarted`; `.joiningItself` in the target.
  @discardableResult
  public func join(timeout: Duration? = nil) throws -> Bool { try thread.join(timeout: timeout) }

  /// The same, without blocking a thread.
  ///
  /// - Throws: what the blocking one throws; `CancellationError`, at once, when the task is cancelled; `SystemError`.
  @discardableResult
  public nonisolated(nonsending) func join(timeout: Duration? = nil) async throws -> Bool {
    try await thread.join(timeout: timeout)
  }
}

/// Rings once, or never.
private final class TimerAlarm: Sendable {
  private enum Phase: UInt8, AtomicRepresentable {
    case set, ringing, cancelled
  }

  private let phase = Atomic(Phase.set)
  private let cancelled = Latch()

  /// Whether it rings now; false, soon, when it is cancelled.
  func waitToRing(_ interval: Duration) -> Bool {
    !cancelled.wait(until: Deadline(after: interval)) && leave(for: .ringing)
  }

  func cancel() { if leave(for: .cancelled) { cancelled.open() } }

  /// False for the second of both. Nothing else is published by it; hence relaxed.
  private func leave(for next: Phase) -> Bool {
    phase.compareExchange(expected: .set, desired: next, ordering: .relaxed).exchanged
  }
}
