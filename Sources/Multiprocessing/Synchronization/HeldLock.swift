internal import MultiprocessingEngine

/// What `Lock`, `RecursiveLock` and `Condition` have in common: the engine's lock, and its answers as errors.
struct HeldLock: Sendable {
  let lock: OwnedLock
  /// For the text of an error.
  private let name: StaticString

  init(_ lock: OwnedLock, _ name: StaticString) {
    self.lock = lock
    self.name = name
  }

  func acquire(_ timeout: Duration?) throws {
    if timeout == nil, lock.take() { return }
    try acquireSlowly(timeout)
  }

  // Apart from the way that is gone most, which is shorter for it.
  @inline(never)
  private func acquireSlowly(_ timeout: Duration?) throws {
    let deadline = Deadline(after: timeout)
    switch try translating({ () throws(SystemFailure) in try lock.acquire(until: deadline) }) {
    case .acquired: return
    case .outOfTime: break
    case .alreadyHeld:
      guard timeout != nil else { throw SynchronizationError.wouldDeadlock }
      // Nobody else can release it, so the time runs out.
      try translating { () throws(SystemFailure) in try Syscall.sleep(until: deadline) }
    }
    throw outOfTime(timeout)
  }

  /// The calling thread may hold it already.
  func acquireAgain(_ timeout: Duration?) throws {
    let answer = try translating { () throws(SystemFailure) in
      try lock.acquireAgain(until: Deadline(after: timeout))
    }
    if answer == .outOfTime { throw outOfTime(timeout) }
  }

  // The one failure there is tells of memory that somebody has overwritten: such a lock is not to be had.
  func tryAcquire() -> Bool { (try? lock.tryAcquire()) ?? false }
  func tryAcquireAgain() -> Bool { (try? lock.tryAcquireAgain()) ?? false }

  func release() throws {
    let release = lock.release()
    if case .released = release { return }
    throw Self.error(of: release)
  }

  func releaseOnce() throws {
    let release = lock.releaseOnce()
    if case .released = release { return }
    throw Self.error(of: release)
  }

  @inline(never)
  private static func error(of release: OwnedLock.Release) -> SynchronizationError {
    release == .notOwner ? .notOwner : .released
  }

  /// By the calling thread, or by a task of this process.
  func requireHeld() throws {
    guard lock.isHeldHere else { throw SynchronizationError.notOwner }
  }

  func outOfTime(_ timeout: Duration?) -> TimeoutError { .waiting(for: name, timeout) }

  var previousOwnerDied: Bool { lock.previousOwnerDied }
  func markConsistent() { lock.markConsistent() }
}

extension TimeoutError {
  /// - Parameter timeout: what ran out; nil never does.
  static func waiting(for name: StaticString, _ timeout: Duration?) -> TimeoutError {
    TimeoutError(operation: "\(name)", timeout: timeout ?? .zero)
  }
}

/// The engine's failures as what the user catches.
func translating<R>(_ body: () throws(SystemFailure) -> R) throws -> R {
  do {
    return try body()
  } catch {
    throw SystemError(error)
  }
}

/// Runs `body` between `acquire` and `release`, whether it throws or not. An error of its own comes first.
func holding<R>(_ acquire: () throws -> Void, _ release: () throws -> Void, _ body: () throws -> R) throws -> R {
  try acquire()
  let result: R
  do {
    result = try body()
  } catch {
    try? release()
    throw error
  }
  try release()
  return result
}
