import CMultiprocessing
import Glibc

/// A further thread of the library's. In a child its crashes are reported as those of the first one are.
package enum DetachedThread {
  private final class Start {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` on a thread of its own. Nobody joins it.
  package static func start(_ body: @escaping @Sendable () -> Void) throws(SystemFailure) {
    let start = Unmanaged.passRetained(Start(body))
    let fault = Fault.check(MP_CALL_THREAD)
    let error = fault == 0 ? create(start.toOpaque()) : fault
    guard error == 0 else {
      start.release()
      throw SystemFailure("start a thread", errno: error)
    }
  }

  private static func create(_ start: UnsafeMutableRawPointer) -> Int32 {
    var thread = pthread_t()
    let error = pthread_create(
      &thread, nil,
      { start in
        mp_crash_install_for_thread()
        Unmanaged<Start>.fromOpaque(start!).takeRetainedValue().body()
        return nil
      }, start)
    guard error == 0 else { return error }
    // Fails for no thread that was just made.
    pthread_detach(thread)
    return 0
  }
}
