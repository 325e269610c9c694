import Glibc

/// Who runs on this system, as proc(5) tells it.
enum ProcessTable {
  struct Entry {
    let parent: Int32
    let group: Int32
    /// Not so for one that has ended and waits to be reaped.
    let isAlive: Bool
    /// Whether it has ended or was stopped.
    let isStill: Bool
  }

  /// The ids of all processes; nil when they cannot be told.
  static func processes() -> [Int32]? { numbers(in: "/proc") }

  /// Whether a thread of it has neither stopped nor ended.
  static func mayBeForking(_ pid: Int32) -> Bool {
    let folder = "/proc/\(pid)/task"
    return (numbers(in: folder) ?? []).contains { entry(at: "\(folder)/\($0)/stat")?.isStill == false }
  }

  private static func numbers(in path: String) -> [Int32]? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var processes: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let pid = Int32(name) { processes.append(pid) }
    }
    return processes
  }

  /// nil for a process that is gone.
  static func entry(of pid: Int32) -> Entry? { entry(at: "/proc/\(pid)/stat") }

  private static func entry(at path: String) -> Entry? {
    // The name before the state may hold anything.
    guard let text = SmallFile.read(path), let name = text.lastIndex(of: ")") else { return nil }
    let fields = text[name...].dropFirst(2).split(separator: " ")
    guard fields.count > 2, let parent = Int32(fields[1]), let group = Int32(fields[2]) else { return nil }
    return Entry(
      parent: parent, group: group, isAlive: !["Z", "X"].contains(fields[0]),
      isStill: ["Z", "X", "T", "t"].contains(fields[0]))
  }
}
