internal import MultiprocessingEngine

/// A number of permits, between processes and between threads alike: `acquire` takes one and waits while there is none. Python's
/// `multiprocessing.Semaphore`.
///
///     let atMostThree = try Semaphore(3)
///     try atMostThree.withLock { print("one of three") }
///
/// Anybody may release, whoever acquired. It goes to a child as an argument, alone or inside of others, as a capture of a closure, or as a
/// property of a `ProcessBase` subclass, and is the same semaphore there. Every other coder refuses it with an `EncodingError`.
///
/// **When a process dies** the permits that it had taken stay taken: permits have no owner, as in Python and in sem_overview(7). A
/// death at any moment inside of `acquire` or `release` leaves the count as before or after that call, and a waiter's death costs no other waiter
/// its turn. Use a `Lock` where a death must be noticed.
public final class Semaphore: SegmentHandle, Sendable {
  static let label = SegmentLabel(kind: "sema")
  let segment: SharedSegment
  let counter: Permits

  /// Makes a semaphore with that many permits free; with 0 somebody has to release before anybody can acquire.
  ///
  /// - Throws: `SynchronizationError.invalidArgument` for a negative number; `SystemError` when there is no memory or
  ///   descriptor left.
  public convenience init(_ permits: Int = 1) throws {
    try self.init(segment: try Permits.make(Self.label, permits, limit: .max))
  }

  init(segment: SharedSegment) throws {
    self.segment = segment
    counter = try Permits(segment)
  }

  /// Waits until a permit is free, and takes it. Of those who wait, any may be the next.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: `TimeoutError`, `SystemError`.
  public func acquire(timeout: Duration? = nil) throws { try counter.take(timeout) }

  /// Takes a permit if one is free.
  public func tryAcquire() -> Bool { counter.takeAtOnce() }

  /// Gives permits back, or adds new ones.
  ///
  /// - Parameter count: how many.
  /// - Throws: `SynchronizationError.invalidArgument` for less than one, `.tooManyReleases` for more permits than an `Int` counts;
  ///   `SystemError`.
  public func release(_ count: Int = 1) throws { try counter.give(count) }

  /// Runs `body` while holding a permit, and gives it back whatever `body` does.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public func withLock<R>(_ body: () throws -> R) throws -> R {
    try holding({ try counter.take(nil) }, { try counter.give(1) }, body)
  }

  /// How many permits are free at this moment. Python's `get_value()`.
  public var permits: Int { counter.available }
}

/// A semaphore that refuses to have more permits than it was made with. Python's `multiprocessing.BoundedSemaphore`.
///
/// Releasing more often than acquiring is a mistake that it reports. In all else, what a death does to it included, it is a `Semaphore`.
public final class BoundedSemaphore: SegmentHandle, Sendable {
  static let label = SegmentLabel(kind: "bsem")
  let segment: SharedSegment
  let counter: Permits

  /// Makes a semaphore with that many permits, all free.
  ///
  /// - Throws: `SynchronizationError.invalidArgument` for less than one; `SystemError` when there is no memory or
  ///   descriptor left.
  public convenience init(_ permits: Int = 1) throws {
    guard permits != 0 else {
      throw SynchronizationError.invalidArgument("a BoundedSemaphore without permits, which nobody could ever acquire")
    }
    try self.init(segment: try Permits.make(Self.label, permits, limit: permits))
  }

  init(segment: SharedSegment) throws {
    self.segment = segment
    counter = try Permits(segment)
  }

  /// Waits until a permit is free, and takes it. Of those who wait, any may be the next.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait.
  /// - Throws: `TimeoutError`, `SystemError`.
  public func acquire(timeout: Duration? = nil) throws { try counter.take(timeout) }

  /// Takes a permit if one is free.
  public func tryAcquire() -> Bool { counter.takeAtOnce() }

  /// Gives permits back.
  ///
  /// - Parameter count: how many.
  /// - Throws: `SynchronizationError.tooManyReleases`, and gives none back, when there would be more than at the beginning;
  ///   `.invalidArgument` for less than one; `SystemError`.
  public func release(_ count: Int = 1) throws { try counter.give(count) }

  /// Runs `body` while holding a permit, and gives it back whatever `body` does.
  ///
  /// - Throws: what `acquire(timeout:)` throws, and what `body` throws.
  @discardableResult
  public func withLock<R>(_ body: () throws -> R) throws -> R {
    try holding({ try counter.take(nil) }, { try counter.give(1) }, body)
  }

  /// How many permits are free at this moment. Python's `get_value()`.
  public var permits: Int { counter.available }
}
