import CMultiprocessing
import Glibc

/// The one way out of a child: what the layer above asked for, stdio written out, `_exit`. The parent's atexit(3)
/// handlers and destructors are not the child's to run.
package enum ChildExit {
  /// Runs before the stdio streams are flushed; once more, for what is left to do, when it calls exit(3) itself. Set in
  /// the child, by the body, before it runs anything of the user's.
  // Safe: written by the child's only thread before there is another.
  package nonisolated(unsafe) static var tidyUp: (() -> Void)?

  /// Runs ahead of that, while other threads may still end the child themselves: waits for them. Set like `tidyUp`.
  // Safe: as `tidyUp`.
  package nonisolated(unsafe) static var awaitThreads: (() -> Void)?

  /// Runs on a thread that wants to end the child while another one does, which must not wait for it then. Set like `tidyUp`.
  // Safe: as `tidyUp`.
  package nonisolated(unsafe) static var giveWay: (() -> Void)?

  @inline(never) static func rehearse() { _ = tidyUp == nil && awaitThreads == nil && giveWay == nil }

  /// exit(3), called anywhere in the child, ends it the same way. A handler registered here runs ahead of all that the
  /// parent registered.
  static func prepare() throws(SystemFailure) {
    let fault = Fault.check(MP_CALL_ON_EXIT)
    let error = fault == 0 ? register() : -fault
    if error < 0 { throw SystemFailure("register an exit handler", errno: -error) }
  }

  private static func register() -> Int32 {
    mp_on_exit { status, _ in
      // exit(3) has struck this handler off its list, and what tidies up may call exit(3) again.
      _ = ChildExit.register()
      ChildExit.leave(status)
    }
  }

  package static func leave(_ code: Int32) -> Never {
    awaitThreads?()
    if !mp_claim_end() {
      giveWay?()
      while true { pause() }
    }
    tidyUp?()
    mp_flush_streams()
    mp_leave(code)
  }
}
