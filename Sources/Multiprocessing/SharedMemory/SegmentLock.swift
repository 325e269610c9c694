internal import Glibc
internal import MultiprocessingEngine

/// The lock at the beginning of a segment's contents: a robust mutex.
///
/// These functions know no element type, so that the generic code around them can be compiled where it is used.
@usableFromInline
enum SegmentLock {
  /// What it takes, and what may follow it in the same cache line.
  static let size = RobustMutex.size

  static func make(at base: UnsafeMutableRawPointer) throws(SystemFailure) { _ = try RobustMutex.make(at: base) }

  @usableFromInline
  enum Taking {
    case taken
    case takenFromTheDead
    /// By this very thread, before.
    case heldAlready
  }

  @usableFromInline
  static func lock(_ base: UnsafeMutableRawPointer) throws -> Taking {
    do {
      switch try RobustMutex(at: base).lock() {
      case .taken: return .taken
      case .takenFromTheDead: return .takenFromTheDead
      }
    } catch {
      if error.errno == EDEADLK { return .heldAlready }
      throw SharedMemoryError.system(errno: error.errno)
    }
  }

  @usableFromInline
  static func unlock(_ base: UnsafeMutableRawPointer) { RobustMutex(at: base).unlock() }
}
