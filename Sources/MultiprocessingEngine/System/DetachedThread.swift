import CMultiprocessing
import Glibc

/// A further thread of the library's. In a child its crashes are reported as those of the first one are.
package enum DetachedThread {
  private final class Start {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` on a thread of its own. Nobody joins it.
  ///
  /// `stackSize` is in bytes; nil: as the system gives it. EINVAL for one that is too small.
  package static func start(
    stackSize: Int? = nil, _ body: @escaping @Sendable () -> Void
  ) throws(SystemFailure) {
    let start = Unmanaged.passRetained(Start(body))
    let fault = Fault.check(MP_CALL_THREAD)
    let error = fault == 0 ? create(start.toOpaque(), stackSize) : fault
    guard error == 0 else {
      start.release()
      throw SystemFailure("start a thread", errno: error)
    }
  }

  private static func create(_ start: UnsafeMutableRawPointer, _ stackSize: Int?) -> Int32 {
    // 0 would ask for the system's size.
    if let stackSize, stackSize <= 0 { return EINVAL }
    return mp_thread_start(
      { start in
        mp_crash_install_for_thread()
        Unmanaged<Start>.fromOpaque(start!).takeRetainedValue().body()
        return nil
      }, start, stackSize ?? 0)
  }
}
