import CMultiprocessing
import Glibc

/// The signals of the calling thread.
package enum SignalMask {
  /// Runs `body` with every signal held back: a handler that calls exit(3), or anything of the library's, must not come
  /// between a lock and its release.
  package static func withAllBlocked<Result>(_ body: () throws -> Result) rethrows -> Result {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    // Neither call can fail with these arguments; pthread_sigmask(3).
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    return try body()
  }
}
