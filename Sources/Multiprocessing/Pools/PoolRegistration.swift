/// Holds a function in its pool, so that workers are born with it. Held by whoever may call it, and by the calls under way.
final class PoolRegistration: Sendable {
  let body: PoolFunctionBody
  /// The pool that it belongs to.
  let core: PoolCore

  init(_ body: PoolFunctionBody, _ core: PoolCore) {
    self.body = body
    self.core = core
  }

  // Whoever lets go of it last may hold the pool's lock.
  deinit { core.forgetLater(body) }
}
