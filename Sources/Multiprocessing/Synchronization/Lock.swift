internal import MultiprocessingEngine

/// A lock between processes and between threads alike: one holder at a time. Python's `multiprocessing.Lock`, with an owner.
///
///     let lock = try Lock()
///     let process = Process(target: { (lock: Lock) in try lock.withLock { print("alone") } }, args: (lock))
///
/// It goes to a child as an argument, alone or inside of others, as a capture of a closure, or as a property of a `ProcessBase` subclass,
/// and is the same lock there. Every other coder refuses it with an `EncodingError`.
///
/// The thread that acquired it holds it, and only that thread can release it. What a task acquired with `try await` its process holds, and any
/// thread of it can release it. A child does not inherit what its parent holds.
///
/// **When the holder dies**, killed or at the end of its thread, the lock passes on at once: a waiting `acquire` succeeds, and
/// `previousOwnerDied` is true from then on, for everybody, until `markConsistent()`. What the lock guards may be half done.
/// A waiter's death touches nobody. The lock is a robust mutex, pthread_mutexattr_setrobust(3); a wait sleeps in the kernel and goes on after
/// a signal's handler.
public final class Lock: SegmentHandle, Sendable {
  static let label = SegmentLabel(kind: "lock")
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
    lock = HeldLock(OwnedLock(at: segment.contents), "a lock")
  }

  /// Waits until the lock is free, and takes it. Of those who wait, any may be the next.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: `TimeoutError`; `SynchronizationError.wouldDeadlock` when the calling thread holds it and has given no timeout;
  ///   `SystemError`.
  public func acquire(timeout: Duration? = nil) throws { try lock.acquire(timeout) }

  /// Takes the lock if it is free. False when anybody holds it, the calling thread included.
  ///
  /// It is the thread's then, and a task may go on in another one: there, `try await acquire(timeout: .zero)` takes it for the process.
  public func tryAcquire() -> Bool { lock.tryAcquire() }

  /// Gives the lock back.
  ///
  /// - Throws: `SynchronizationError.notOwner` when another thread or process holds it, `.released` when nobody does.
  public func release() throws { try lock.release() }

  /// Runs `body` while holding the lock, and releases it whatever `body` does.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public func withLock<R>(_ body: () throws -> R) throws -> R {
    try holding({ try lock.acquire(nil) }, lock.release, body)
  }

  /// Whether a holder died with the lock, and nobody has called `markConsistent()` since.
  public var previousOwnerDied: Bool { lock.previousOwnerDied }

  /// Declares that what the lock guards is whole again, for everybody. Call it while holding the lock: the next death may
  /// otherwise be the one that is forgotten.
  public func markConsistent() { lock.markConsistent() }
}
