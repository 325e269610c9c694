/// What goes wrong with a lock, a semaphore, a condition or a barrier: how it is used, and what the others do.
public enum SynchronizationError: Error, Codable, Sendable, Hashable {
  /// Another thread or process holds the lock: only its holder can release it, and wait or notify with a condition.
  case notOwner
  /// Nobody holds the lock that was to be released.
  case released
  /// The barrier is broken: a party ran out of time, died or gave up, or the barrier was reset meanwhile.
  case brokenBarrier
  /// A `BoundedSemaphore` was given back more permits than were taken from it.
  case tooManyReleases
  /// The calling thread waits without a timeout for a lock that it holds itself.
  case wouldDeadlock
  /// As many threads wait for one condition as can, the number given.
  case tooManyWaiters(Int)
  /// A number that makes no sense; the text says which.
  case invalidArgument(String)
}

extension SynchronizationError: CustomStringConvertible {
  /// A sentence: what was done or happened, and what to do instead.
  public var description: String {
    switch self {
    case .notOwner:
      "The calling thread does not hold the lock: acquire() it first, and release() it in the thread that did."
    case .released:
      "The lock was released although nobody holds it: call release() once for each acquire()."
    case .brokenBarrier:
      "The barrier is broken, by a party that ran out of time, died or gave up: reset() makes it whole."
    case .tooManyReleases:
      "The semaphore was released more often than acquired: call release() once for each acquire()."
    case .wouldDeadlock:
      "The calling thread holds the lock already and would wait for itself: use a RecursiveLock, or release() it first."
    case .tooManyWaiters(let limit):
      "\(limit) threads wait for the condition already: let fewer of them wait at once."
    case .invalidArgument(let argument):
      "An argument makes no sense: \(argument)."
    }
  }
}
