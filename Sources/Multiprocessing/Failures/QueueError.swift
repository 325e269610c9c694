internal import MultiprocessingEngine

/// What a `Queue` cannot do.
public enum QueueError: Error, Codable, Sendable, Hashable, CustomStringConvertible {
  /// The queue was closed: nothing more is put, and what had been put has been taken.
  case closed
  /// `taskDone()` was called more often than elements were put.
  case tooManyTaskDone
  /// The encoded element has that many bytes, more than the queue's address space takes.
  case elementTooLarge(Int)
  /// A queue needs room for one element at least.
  case invalidCapacity(Int)
  /// The system lacks something, such as memory: the number of errno(3). The queue is as it was.
  case system(errno: Int32)

  init(_ failure: SystemFailure) { self = .system(errno: failure.errno) }

  /// A sentence that says what was done, and what to do instead.
  public var description: String {
    switch self {
    case .closed: "The queue is closed: put elements before close(), and stop getting at this error."
    case .tooManyTaskDone: "taskDone() was called more often than elements were put: call it once for each element."
    case .elementTooLarge(let size):
      "An element of \(size) bytes is too large for a queue: put it into a SharedArray or SharedMemory, and share that."
    case .invalidCapacity(let capacity):
      "A queue cannot have a capacity of \(capacity): give 1 or more, or nil for one that grows as needed."
    case .system(let errno): SystemFailure("work with the queue", errno: errno).description
    }
  }
}
