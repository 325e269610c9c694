import Glibc

/// Who runs on this system, as proc(5) tells it.
enum ProcessTable {
  struct Entry {
    let parent: Int32
    let group: Int32
    /// Not so for one that has ended and waits to be reaped.
    let isAlive: Bool
  }

  /// The ids of all processes; nil when they cannot be told.
  static func processes() -> [Int32]? {
    guard let folder = opendir("/proc") else { return nil }
    defer { closedir(folder) }
    var processes: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let pid = Int32(name) { processes.append(pid) }
    }
    return processes
  }

  /// nil for a process that is gone.
  static func entry(of pid: Int32) -> Entry? {
    // The name before the state may hold anything.
    guard let text = SmallFile.read("/proc/\(pid)/stat"), let name = text.lastIndex(of: ")") else { return nil }
    let fields = text[name...].dropFirst(2).split(separator: " ")
    guard fields.count > 2, let parent = Int32(fields[1]), let group = Int32(fields[2]) else { return nil }
    return Entry(parent: parent, group: group, isAlive: !["Z", "X"].contains(fields[0]))
  }
}
