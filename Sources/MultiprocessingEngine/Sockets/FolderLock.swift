import Glibc

/// An advisory lock on the folder of a path, by which programs that put files of one name there take turns; flock(2).
enum FolderLock {
  /// How often, a millisecond apart, it is tried before its holder counts as a stranger who locks folders for reasons of his own.
  private static let patience = 1000

  /// Runs `body` under the lock; without it where the folder cannot be read, or somebody else keeps the lock.
  static func withLock<Result>(
    ofPath path: String, _ body: () throws(SystemFailure) -> Result
  ) throws(SystemFailure) -> Result {
    let end = path.lastIndex(of: "/")
    let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    guard let descriptor = try? Descriptor.listing({ () throws(SystemFailure) in try Syscall.openFolder(folder) })
    else { return try body() }
    let isLocked = isTaken(descriptor.raw)
    // Closing alone would leave it to a child that was forked meanwhile, until that has closed its copy.
    defer { if isLocked { Syscall.unlock(descriptor.raw) } }
    return try body()
  }

  private static func isTaken(_ folder: Int32) -> Bool {
    for _ in 0..<patience {
      guard let isLocked = try? Syscall.tryLock(folder) else { return false }
      if isLocked { return true }
      usleep(1000)
    }
    return false
  }
}
