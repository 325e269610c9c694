import Glibc

/// Who is in a process group.
enum GroupMembers {
  /// Whether anybody in it has not ended. A signal reaches those as well that have, until they are reaped, which an init that is slow, or
  /// a container without one, may put off for ever. true when it cannot be told.
  static func isAnyAlive(in group: Int32) -> Bool {
    guard let processes = ProcessTable.processes() else { return true }
    return processes.contains { getpgid($0) == group && ProcessTable.entry(of: $0)?.isAlive == true }
  }
}
