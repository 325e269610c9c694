import Glibc

/// Who is in a process group, as proc(5) tells it.
enum GroupMembers {
  /// Whether anybody in it has not ended. A signal reaches those as well that have, until they are reaped, which an init that is slow, or
  /// a container without one, may put off for ever. true when it cannot be told.
  static func isAnyAlive(in group: Int32) -> Bool {
    guard let processes = opendir("/proc") else { return true }
    defer { closedir(processes) }
    while let entry = readdir(processes) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let pid = Int32(name), getpgid(pid) == group, isAlive(pid) { return true }
    }
    return false
  }

  private static func isAlive(_ pid: Int32) -> Bool {
    // The name before the state may hold anything.
    guard let text = SmallFile.read("/proc/\(pid)/stat"), let name = text.lastIndex(of: ")") else { return false }
    return !["Z", "X"].contains(text[name...].dropFirst(2).first)
  }
}
