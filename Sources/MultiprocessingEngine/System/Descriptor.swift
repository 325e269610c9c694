import CMultiprocessing
import Glibc

/// Creating, closing and forking exclude one another by this lock: a child then closes exactly the descriptors that
/// are not its own, and none whose number has gone to somebody else in between. No `Descriptor` may end under it.
let forkLock = ForkAwareLock(())

/// A descriptor of the engine's own: listed, so that no child keeps it by accident, and closed with its last owner.
package struct Descriptor: ~Copyable, Sendable {
  package let raw: Int32
  /// A descriptor of an ancestor was closed by the fork; its number may be another's here.
  private let generation = mp_generation()

  private init(listed raw: Int32) { self.raw = raw }

  /// A descriptor that was listed before the fork and kept in this child.
  init(inherited raw: Int32) { self.raw = raw }

  deinit {
    guard generation == mp_generation() else { return }
    let raw = raw
    forkLock.withLock { _ in
      mp_registry_remove(raw)
      // Linux closes the descriptor even when it answers EINTR; close(2).
      Glibc.close(raw)
    }
  }

  /// Creates a descriptor by `open` and lists it before any fork can happen.
  static func listing(_ open: () throws(SystemFailure) -> Int32) throws(SystemFailure) -> Descriptor {
    let raw = try forkLock.withLock { (_) throws(SystemFailure) in
      let raw = try open()
      try list(raw, else: raw)
      return raw
    }
    return Descriptor(listed: raw)
  }

  /// Two ends, created and listed at once.
  struct Pair: ~Copyable {
    let first: Descriptor
    let second: Descriptor

    static func listing(_ open: () throws(SystemFailure) -> (Int32, Int32)) throws(SystemFailure) -> Pair {
      let (first, second) = try forkLock.withLock { (_) throws(SystemFailure) in
        let (first, second) = try open()
        try list(first, else: first, second)
        try list(second, else: first, second)
        return (first, second)
      }
      return Pair(first: Descriptor(listed: first), second: Descriptor(listed: second))
    }

    consuming func ends() -> (first: SharedDescriptor, second: SharedDescriptor) {
      (SharedDescriptor(first), SharedDescriptor(second))
    }
  }

  private static func list(_ raw: Int32, else abandoned: Int32...) throws(SystemFailure) {
    if mp_registry_add(raw) { return }
    for number in abandoned {
      mp_registry_remove(number)
      Glibc.close(number)
    }
    throw SystemFailure("keep count of a descriptor", errno: EMFILE)
  }
}

/// A descriptor with several users: each holds on to it while it waits, the last one to let go closes it.
package final class SharedDescriptor: Sendable {
  private let descriptor: Descriptor
  package var raw: Int32 { descriptor.raw }

  init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}
