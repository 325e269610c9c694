/// What the thread of a pool sleeps over: the pool's bell, the ends of its workers, a clock.
package final class BellWatch: Sendable {
  private let set: Descriptor
  private let clock: Descriptor
  private let bell: Bell

  package init(_ bell: Bell) throws(SystemFailure) {
    self.bell = bell
    set = try Descriptor.listing { () throws(SystemFailure) in try Syscall.readinessSet() }
    clock = try Descriptor.listing { () throws(SystemFailure) in try Syscall.clockDescriptor() }
    try Syscall.watch(clock.raw, in: set.raw)
    try Syscall.watch(bell.descriptor.raw, in: set.raw)
  }

  /// From any thread; a wait that has begun notices.
  package func add(_ descriptor: SharedDescriptor) throws(SystemFailure) {
    try Syscall.watch(descriptor.raw, in: set.raw)
  }

  /// Fails only for what somebody else has closed.
  package func remove(_ descriptor: SharedDescriptor) { try? Syscall.unwatch(descriptor.raw, in: set.raw) }

  /// From any thread; a wait that has begun ends at `deadline`.
  package func setClock(to deadline: Deadline) throws(SystemFailure) { try Syscall.setClock(clock.raw, to: deadline) }

  /// Sleeps until something is ready; the ready descriptors, without those of bell and clock.
  package func wait() throws(SystemFailure) -> [Int32] {
    var numbers = [Int32](repeating: -1, count: 32)
    let count = try Syscall.waitReady(set.raw, into: &numbers)
    let ready = numbers[..<count]
    if ready.contains(bell.descriptor.raw) { bell.silence() }
    return ready.filter { $0 != bell.descriptor.raw && $0 != clock.raw }
  }
}
