import CMultiprocessing
import Synchronization

/// A socket that may be closed while threads are using it: the last of them closes it, so nobody meets a number that has
/// become another's. Its state is one word and no lock, which a fork finds whole in every moment.
///
/// Threads that use the socket do not go along when the process forks: a child counts anew.
package final class OpenSocket: Sendable {
  /// The process generation that counts, in the upper half; whether it is closed, in the next bit; how many use it.
  private let state: Atomic<UInt64>
  // Safe: immutable but for the one who ends the use of the socket, when no other user is left or comes any more.
  private nonisolated(unsafe) var descriptor: InheritableDescriptor?

  private static var closed: UInt64 { 1 << 31 }
  private static var users: UInt64 { closed - 1 }

  package init(_ descriptor: InheritableDescriptor) {
    self.descriptor = descriptor
    state = Atomic(Self.stamp)
  }

  package convenience init(owning raw: Int32) { self.init(InheritableDescriptor(owning: raw)) }

  private static var stamp: UInt64 { UInt64(mp_generation()) << 32 }

  package var isClosed: Bool { state.load(ordering: .relaxed) & Self.closed != 0 }

  /// Calls `body` with the number, which stays this socket's until the return. Throws `.closed`.
  @inline(__always)
  package func use<Value>(_ body: (Int32) throws(SocketFailure) -> Value) throws(SocketFailure) -> Value {
    guard let raw = enter() else { throw .closed }
    defer { leave() }
    return try body(raw)
  }

  /// The number, for as long as it is not closed, and without a promise beyond that.
  package var raw: Int32? {
    guard let raw = enter() else { return nil }
    leave()
    return raw
  }

  /// Begins a use that `leave` ends; nil when it is closed.
  func enter() -> Int32? {
    guard change({ value, _ in value & Self.closed == 0 ? value + 1 : nil }) != nil else { return nil }
    return descriptor?.raw
  }

  func leave() {
    // Nothing to count down for a user who entered in an ancestor, of which this process has only the memory.
    if change({ value, _ in value & Self.users > 0 ? value - 1 : nil }) == Self.closed { descriptor = nil }
  }

  /// Closes this process' copy, now or with its last user. Whoever waits for a message goes on waiting.
  package func close() {
    // One that was closed in an ancestor, whose last user was not done at the fork, has left its descriptor here.
    let last = change { value, isInherited in value & Self.closed == 0 || isInherited ? value | Self.closed : nil }
    if last == Self.closed { descriptor = nil }
  }

  /// Makes one step of the lower half, stamped with this process' generation; the new value, nil where `step` makes none.
  @inline(__always)
  private func change(_ step: (_ value: UInt64, _ isInherited: Bool) -> UInt64?) -> UInt64? {
    let stamp = Self.stamp
    var current = state.load(ordering: .relaxed)
    while true {
      // The users of another generation are not here.
      let isInherited = current & ~0xFFFF_FFFF != stamp
      guard let next = step(current & (isInherited ? Self.closed : 0xFFFF_FFFF), isInherited) else { return nil }
      // Acquiring and releasing: whoever ends the use of the descriptor does so after all others have done theirs.
      let (exchanged, original) = state.weakCompareExchange(
        expected: current, desired: stamp | next, ordering: .acquiringAndReleasing)
      if exchanged { return next }
      current = original
    }
  }
}
