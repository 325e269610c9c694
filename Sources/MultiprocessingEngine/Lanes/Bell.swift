/// How the workers of a pool wake the thread that collects their replies: a descriptor that one of them rings, and a flag in shared memory that
/// says whether it is worth the system call.
///
/// A worker that dies between taking the flag down and ringing has its death for a bell: the same thread sleeps for its end.
package final class Bell: Sendable {
  package let descriptor: SharedDescriptor
  private let flag: LaneFlag

  /// - Parameter flag: four bytes of zeroes that all workers share.
  package init(flag: LaneFlag) throws(SystemFailure) {
    descriptor = SharedDescriptor(
      try Descriptor.listing { () throws(SystemFailure) in try Syscall.bellDescriptor() })
    self.flag = flag
  }

  /// From now on workers ring. What may have come before has to be looked for after this.
  package func arm() { flag.raise() }
  package func disarm() { flag.lower() }

  /// For a worker that has replied. `descriptor` is the number of the bell's, which the worker has kept. False when it cannot be rung, for the
  /// user's code has closed it: the worker then has to end, so that its death is heard in its stead.
  package static func ringIfArmed(_ flag: LaneFlag, _ descriptor: Int32) -> Bool {
    guard flag.takeDown() else { return true }
    do throws(SystemFailure) {
      try Syscall.ring(descriptor)
      return true
    } catch {
      return false
    }
  }

  /// Wakes the thread in any case.
  package func ring() { try? Syscall.ring(descriptor.raw) }
  package func silence() { try? Syscall.silence(descriptor.raw) }
}
