import CMultiprocessing
import Glibc

/// A descriptor behind something that the user shares between processes: a fork passes it on, and every process closes
/// its own copy with the last user of the object. Closed by exec(3).
package final class InheritableDescriptor: Sendable {
  package let raw: Int32

  /// Takes over `raw`.
  package init(owning raw: Int32) { self.raw = raw }

  // Linux closes the descriptor even when it answers EINTR; close(2).
  deinit { Glibc.close(raw) }

  /// What tells the open file from every other one that is open.
  package var identity: FileIdentity {
    get throws(SystemFailure) { try Syscall.identity(of: raw) }
  }
}

/// A file among all of the system's, as long as it is open somewhere.
package struct FileIdentity: Hashable, Sendable {
  let device: UInt64
  let number: UInt64
}

/// Descriptors that came with a message, until somebody takes them. What nobody took is closed.
package final class ReceivedDescriptors: Sendable {
  private let waiting: ForkAwareLock<[Int32: Int32]>

  package init(_ numbers: [Int32] = []) {
    waiting = ForkAwareLock(
      Dictionary(uniqueKeysWithValues: numbers.enumerated().map { (Int32($0.offset), $0.element) }))
  }

  deinit { waiting.withLock { for raw in $0.values { Glibc.close(raw) } } }

  /// The one of that index; nil when there is none, or it was taken before.
  package func take(at index: Int) -> InheritableDescriptor? {
    release(at: index).map { InheritableDescriptor(owning: $0) }
  }

  /// The same as a number, for the caller to close.
  package func release(at index: Int) -> Int32? {
    guard let index = Int32(exactly: index) else { return nil }
    return waiting.withLock { $0.removeValue(forKey: index) }
  }
}
