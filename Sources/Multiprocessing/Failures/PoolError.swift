/// What a pool cannot do.
public enum PoolError: Error, Codable, Sendable, Hashable, CustomStringConvertible {
  /// The pool was closed or terminated: it takes no more tasks.
  case closed
  /// `join()` would wait for ever: the pool still takes tasks.
  case stillOpen
  /// The initializer fails in each new worker: what it threw, or how it ended its process.
  case initializerFailed(RemoteError)
  /// A number or an object that makes no sense; the text says which.
  case invalidArgument(String)

  /// A sentence that says what was done, and what to do instead.
  public var description: String {
    switch self {
    case .closed: "The pool is closed: submit tasks before close() and terminate(), or make a new pool."
    case .stillOpen: "The pool is open: close() or terminate() it before join()."
    case .initializerFailed(let error): "The initializer of the pool's workers failed: \(error)"
    case .invalidArgument(let argument): "An argument makes no sense: \(argument)."
    }
  }
}
