/// A further thread of the library's, which nobody joins.
package enum DetachedThread {
  /// Runs `body` on a thread of its own.
  package static func start(_ body: @escaping @Sendable () -> Void) throws(SystemFailure) {
    try JoinableThread(body).detach()
  }
}
