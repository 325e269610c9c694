internal import MultiprocessingEngine

/// A lock with a waiting room: who holds it can wait until another holder notifies it that something has changed. Python's
/// `multiprocessing.Condition`.
///
///     let (condition, number) = (try Condition(), try SharedValue(0))
///     try condition.withLock { try condition.wait { number.value > 3 } }     // one process
///     try condition.withLock { number.value += 1; try condition.notify() }   // another one
///
/// The condition owns its lock, which is a `Lock`, not a recursive one. It goes to a child as an argument, alone or inside of others, as a
/// capture of a closure, or as a property of a `ProcessBase` subclass, and is the same condition there. Every other coder refuses it with
/// an `EncodingError`. Up to 1,000 threads and tasks can wait at once.
///
/// **When the holder of the lock dies**, the lock passes on at once, and `previousOwnerDied` is true until `markConsistent()`.
/// **When a waiter dies**, it is not counted any more: `notify` wakes those that live, and a notification that reached one that was killed
/// before it could go on is passed to the next one, within a tenth of a second.
public final class Condition: SegmentHandle, Sendable {
  static let label = SegmentLabel(kind: "cond")
  let segment: SharedSegment
  let queue: ConditionQueue
  let lock: HeldLock

  /// Makes a condition whose lock nobody holds.
  ///
  /// - Throws: `SystemError` when there is no memory or descriptor left.
  public convenience init() throws {
    try self.init(
      segment: try .prepared(
        Self.label, size: ConditionQueue.size, holdingMutex: true
      ) { address throws(SystemFailure) in _ = try ConditionQueue.make(at: address) })
  }

  init(segment: SharedSegment) throws {
    try segment.require(ConditionQueue.size)
    self.segment = segment
    queue = ConditionQueue(at: segment.contents)
    lock = HeldLock(queue.lock, "the lock of a condition")
  }

  // MARK: The lock

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

  // MARK: Waiting

  /// Lets go of the lock, waits until notified, and takes the lock again, whether it throws or not. One that is notified in the very moment
  /// in which its time runs out counts as notified.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait. It does not limit the time that taking the lock again takes.
  /// - Throws: `TimeoutError`; `SynchronizationError.notOwner` when neither the calling thread nor a task of this process holds the lock,
  ///   `.tooManyWaiters`; `SystemError`.
  public func wait(timeout: Duration? = nil) throws {
    guard try wait(until: Deadline(after: timeout)) else { throw TimeoutError.waiting(for: "a notification", timeout) }
  }

  /// Waits until `predicate` holds: asks it while holding the lock, at first and after each notification. Python's `wait_for`.
  ///
  /// - Parameters:
  ///   - timeout: for all of the waiting; nil waits for ever.
  ///   - predicate: should look at what others change while they hold the lock.
  /// - Returns: what `predicate` answered last: false when the time ran out.
  /// - Throws: what `predicate` throws; `SynchronizationError.notOwner` when neither the calling thread nor a task of this process holds the lock,
  ///   `.tooManyWaiters`; `SystemError`.
  @discardableResult
  public func wait(timeout: Duration? = nil, until predicate: () throws -> Bool) throws -> Bool {
    try lock.requireHeld()
    let deadline = Deadline(after: timeout)
    while try !predicate() {
      guard try wait(until: deadline) else { return try predicate() }
    }
    return true
  }

  /// False when out of time.
  private func wait(until deadline: Deadline) throws -> Bool {
    if queue.lock.isHeldByThisThread {
      return try isNotified(
        try translating { () throws(SystemFailure) in try queue.wait(until: deadline) })
    }
    // A task's, who waits in a function that blocks: it is the process' lock afterwards as well.
    try lock.requireHeld()
    let wait = ConditionWait(queue, of: segment)
    try translating { () throws(SystemFailure) in
      if case .failed(let failure) = try Keeper.withRoom().waitBlocking(wait, until: deadline) { throw failure }
    }
    return try isNotified(wait.waiting)
  }

  /// What a wait came to; nil for one whose lock nobody held.
  func isNotified(_ waiting: ConditionQueue.Waiting?) throws -> Bool {
    switch waiting {
    case .notified: return true
    case .outOfTime: return false
    case .noRoom: throw SynchronizationError.tooManyWaiters(ConditionQueue.capacity)
    case nil: throw SynchronizationError.notOwner
    }
  }

  /// Wakes the `count` threads that have waited longest, or all when fewer wait. They go on one after the other, once the lock is
  /// released.
  ///
  /// - Throws: `SynchronizationError.notOwner` when neither the calling thread nor a task of this process holds the lock; `.invalidArgument` for a negative
  ///   number.
  public func notify(_ count: Int = 1) throws {
    guard count >= 0 else { throw SynchronizationError.invalidArgument("a notification of \(count) waiters") }
    try lock.requireHeld()
    queue.notify(count)
  }

  /// Wakes everybody who waits.
  ///
  /// - Throws: `SynchronizationError.notOwner` when neither the calling thread nor a task of this process holds the lock.
  public func notifyAll() throws { try notify(.max) }
}
