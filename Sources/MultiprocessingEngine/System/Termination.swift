import CMultiprocessing

/// The SIGTERM that a child notes instead of ending by it; see `StartRequest.catchesTermination`.
package enum Termination {
  /// Whether this process notes it.
  package static var isCaught: Bool { mp_termination_is_caught() }

  /// Sleeps until it has come.
  package static func wait() { mp_termination_wait() }
}
