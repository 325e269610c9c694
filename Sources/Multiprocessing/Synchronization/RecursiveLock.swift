internal import MultiprocessingEngine

/// A lock that the thread that holds it can acquire again. Python's `multiprocessing.RLock`.
///
/// It is free once it was released as often as it was acquired. In all else it is a `Lock`: it goes to a child in the same ways, and
/// belongs to the thread that acquired it, or to the process of the task that did: tasks cannot acquire it again.
///
/// **When the holder dies**, the lock passes on at once, however often it was held: a waiting `acquire` succeeds, and
/// `previousOwnerDied` is true from then on, for everybody, until `markConsistent()`. A waiter's death touches nobody.
public final class RecursiveLock: SegmentHandle, Sendable {
  static let label = SegmentLabel(kind: "rloc")
  let segment: SharedSegment
  let lock: HeldLock

  /// Makes a lock that nobody holds.
  ///
  /// - Throws: `SystemError` when there is no memory or descriptor left.
  public convenience init() throws {
    try self.init(
      segment: try .prepared(Self.label, size: OwnedLock.size, holdingMutex: true) { address throws(SystemFailure) in
        _ = try OwnedLock.make(at: address)
      })
  }

  init(segment: SharedSegment) throws {
    try segment.require(OwnedLock.size)
    self.segment = segment
    lock = HeldLock(OwnedLock(at: segment.contents), "a recursive lock")
  }

  /// Waits until the lock is free or the calling thread's, and takes it, once more in the latter case.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: `TimeoutError`, `SystemError`.
  public func acquire(timeout: Duration? = nil) throws { try lock.acquireAgain(timeout) }

  /// Takes the lock if it is free or the calling thread's. False when another thread or process holds it.
  ///
  /// It is the thread's then, and a task may go on in another one: there, `try await acquire(timeout: .zero)` takes it for the process.
  public func tryAcquire() -> Bool { lock.tryAcquireAgain() }

  /// Undoes one `acquire`.
  ///
  /// - Throws: `SynchronizationError.notOwner` when another thread or process holds it, `.released` when nobody does.
  public func release() throws { try lock.releaseOnce() }

  /// Runs `body` while holding the lock, and undoes that whatever `body` does.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public func withLock<R>(_ body: () throws -> R) throws -> R {
    try holding({ try lock.acquireAgain(nil) }, lock.releaseOnce, body)
  }

  /// Whether a holder died with the lock, and nobody has called `markConsistent()` since.
  public var previousOwnerDied: Bool { lock.previousOwnerDied }

  /// Declares that what the lock guards is whole again, for everybody. Call it while holding the lock: the next death may
  /// otherwise be the one that is forgotten.
  public func markConsistent() { lock.markConsistent() }
}
