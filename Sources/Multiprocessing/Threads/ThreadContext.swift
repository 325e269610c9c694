internal import MultiprocessingEngine

/// What a thread knows of itself.
final class ThreadContext {
  /// nil for a thread that is not one of `ThreadBase`'s.
  let storage: ThreadStorage?
  let locals = ThreadLocalTable()

  init(_ storage: ThreadStorage?) { self.storage = storage }

  deinit { locals.clear() }

  /// nil for a thread that has none yet.
  static var ifAny: ThreadContext? {
    // Nobody else sets it; a cast would look for the type at every access.
    RunningThread.object.map { unsafeDowncast($0, to: ThreadContext.self) }
  }

  static var current: ThreadContext {
    if let context = ifAny { return context }
    let context = ThreadContext(nil)
    RunningThread.holdUntilItsEnd(context)
    return context
  }
}
