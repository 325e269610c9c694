import CMultiprocessing
import Glibc

/// A further thread of this process, to be joined once, or else to detach itself. In a child its crashes are reported as those of the first
/// one are.
package struct JoinableThread: @unchecked Sendable {
  // Sendable: a number, as glibc has it.
  private let handle: pthread_t

  private final class Start {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` on a thread of its own.
  ///
  /// `stackSize` is in bytes; nil: as the system gives it. EINVAL for one that is too small.
  package init(stackSize: Int? = nil, _ body: @escaping @Sendable () -> Void) throws(SystemFailure) {
    let start = Unmanaged.passRetained(Start(body))
    var handle = pthread_t()
    let fault = Fault.check(MP_CALL_THREAD)
    let error = fault == 0 ? Self.create(&handle, start.toOpaque(), stackSize) : fault
    guard error == 0 else {
      start.release()
      throw SystemFailure("start a thread", errno: error)
    }
    self.handle = handle
  }

  private static let leastStack = 64 << 10

  private static func create(
    _ handle: inout pthread_t, _ start: UnsafeMutableRawPointer, _ stackSize: Int?
  ) -> Int32 {
    // Less does not hold what runs on each thread before and after the body; 0 would ask for the system's size.
    if let stackSize, stackSize < leastStack { return EINVAL }
    return mp_thread_start(
      &handle,
      { start in
        mp_crash_install_for_thread()
        Unmanaged<Start>.fromOpaque(start!).takeRetainedValue().body()
        return nil
      }, start, stackSize ?? 0)
  }

  /// Blocks until the thread is gone.
  package func join() { pthread_join(handle, nil) }

  /// Lets go of a thread that nobody will join.
  package func detach() { pthread_detach(handle) }

  /// The same for the thread that this code runs on.
  package static func detachCurrent() { pthread_detach(pthread_self()) }
}
