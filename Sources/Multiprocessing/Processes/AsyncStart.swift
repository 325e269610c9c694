/// What the start of an async process needs beyond a synchronous one's.
enum AsyncStart {
  /// The threads that an async child may have beside its main one. Counted, and the rest prepared, in the parent at the first such start.
  private static let threads = {
    AsyncBody.rehearse()
    return availableCPUCount()
  }()

  /// In the parent, before the fork.
  static func prepare() { _ = threads }

  /// In the child: executors for many bodies, one after another.
  static func open() -> ChildExecutors { AsyncBody.open(threads: threads) }

  /// In the child: runs `body` to its end.
  static func run(_ body: @escaping AsyncBody.Body) throws -> [UInt8] { try AsyncBody.run(threads: threads, body) }
}
