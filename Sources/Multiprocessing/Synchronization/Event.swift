internal import MultiprocessingEngine

/// A flag that processes and threads wait for. Python's `multiprocessing.Event`.
///
///     let isReady = try Event()
///     let process = Process(target: { (isReady: Event) in isReady.set() }, args: (isReady))
///     try process.start()
///     try isReady.wait(timeout: .seconds(5))
///
/// It goes to a child as an argument, alone or inside of others, as a capture of a closure, or as a property of a `ProcessBase` subclass, and
/// is the same event there. Every other coder refuses it with an `EncodingError`.
///
/// **When a process dies** the event stays as it is. A death at any moment inside of `set` leaves the event set, and every waiter going on,
/// or as it was before; a waiter's death touches nobody. Who waits for a process that has died before it could set the event waits on: give
/// a timeout, or watch the process.
public final class Event: SegmentHandle, Sendable {
  static let label = SegmentLabel(kind: "evnt")
  let segment: SharedSegment
  let flag: SharedFlag

  /// Makes an event that is not set.
  ///
  /// - Throws: `SystemError` when there is no memory or descriptor left.
  public convenience init() throws {
    try self.init(
      segment: try .prepared(Self.label, size: SharedFlag.size) { address throws(SystemFailure) in
        _ = try SharedFlag.make(at: address)
      })
  }

  init(segment: SharedSegment) throws {
    try segment.require(SharedFlag.size)
    self.segment = segment
    flag = SharedFlag(at: segment.contents)
  }

  /// Whether the event is set at this moment. Takes no lock.
  public var isSet: Bool { flag.isRaised }

  /// Sets the event, and lets everybody go on who waits for it. Nothing happens when it is set already.
  public func set() { flag.raise() }

  /// Makes the event one that has not happened. Who was waiting when it was set goes on all the same.
  public func clear() { flag.lower() }

  /// Waits until the event is set. Returns at once, without a lock, when it is.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: `TimeoutError`, `SystemError`.
  public func wait(timeout: Duration? = nil) throws {
    let isSet = try translating { () throws(SystemFailure) in try flag.wait(until: Deadline(after: timeout)) }
    if !isSet { throw TimeoutError.waiting(for: "an event", timeout) }
  }
}
