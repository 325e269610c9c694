/// A misuse of a future.
public enum FutureError: Error, Codable, Sendable, Hashable {
  /// Waited for in another process than the one that made it, before it was done.
  case notParent
}

extension FutureError: CustomStringConvertible {
  /// A sentence: what was done, and what to do instead.
  public var description: String {
    switch self {
    case .notParent:
      "The future belongs to another process: wait for it in the process that made it, and send the result on."
    }
  }
}
