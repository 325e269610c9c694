internal import Glibc
internal import MultiprocessingEngine

/// What goes wrong with shared memory: how it is asked for, and how it is used.
public enum SharedMemoryError: Error, Codable, Sendable, Equatable {
  /// There is no memory, or no room in its filesystem, for so many bytes.
  case noSpace(bytes: Int)
  /// A size or count that makes no sense.
  case invalidSize(Int)
  /// More elements than there are from that one on.
  case outOfRange(start: Int, length: Int, count: Int)
  /// A name that shared memory cannot have.
  case invalidName(String)
  /// There is shared memory of that name.
  case alreadyExists(String)
  /// There is no shared memory of that name, or no more.
  case notFound(String)
  /// Asked after `close()`.
  case closed
  /// `withLock` inside of the same object's `withLock`.
  case alreadyLocked
  /// The system refuses; errno(3).
  case system(errno: Int32)

  init(_ failure: SystemFailure, bytes: Int) {
    self = [ENOSPC, ENOMEM].contains(failure.errno) ? .noSpace(bytes: bytes) : .system(errno: failure.errno)
  }

  init(_ failure: SystemFailure, name: String, bytes: Int = 0) {
    switch failure.errno {
    case EEXIST: self = .alreadyExists(name)
    case ENOENT: self = .notFound(name)
    default: self.init(failure, bytes: bytes)
    }
  }
}

extension SharedMemoryError: CustomStringConvertible {
  /// A sentence: what was done or happened, and what to do instead.
  public var description: String {
    switch self {
    case .noSpace(let bytes):
      "There is no room for \(bytes) bytes of shared memory: ask for less, or let go of some first."
    case .invalidSize(let size):
      "Shared memory cannot have a size of \(size): ask for at least 1 byte, or for 0 or more elements that memory can hold."
    case .outOfRange(let start, let length, let count):
      "The array has no \(length) elements from number \(start) on: it has \(count) in all."
    case .invalidName(let name):
      "\"\(name)\" cannot name shared memory: use 1 to 254 bytes of UTF-8 without \"/\" and NUL, other than \".\" and \"..\"."
    case .alreadyExists(let name):
      "There is shared memory named \(name) already: attach to it, or use another name."
    case .notFound(let name):
      "There is no shared memory named \(name): it was never created, or its name was removed."
    case .closed:
      "The shared memory is closed: use it before close(), or attach again."
    case .alreadyLocked:
      "This thread is inside of withLock already: use what the closure was given."
    case .system(let errno):
      "The system refuses shared memory: \(String(cString: strerror(errno)))."
    }
  }
}
