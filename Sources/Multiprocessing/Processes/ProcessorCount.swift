internal import Glibc
internal import MultiprocessingEngine

/// The processors of the machine. Python's `cpu_count()`.
public func cpuCount() -> Int {
  max(1, sysconf(Int32(_SC_NPROCESSORS_CONF)))
}

/// The processors this process may keep busy: the least of its affinity mask (sched_getaffinity(2)) and its cgroup's
/// quota rounded up, and at least 1. Python's `process_cpu_count()`, which does not know of quotas.
public func availableCPUCount() -> Int {
  let allowed = Host.affinityCount ?? cpuCount()
  return max(1, min(allowed, ProcessorQuota.ofThisProcess() ?? allowed))
}

enum ProcessorQuota {
  /// The tightest quota of the cgroup and of those above it; nil without any.
  static func ofThisProcess() -> Int? {
    guard let membership = SmallFile.read("/proc/self/cgroup") else { return nil }
    return quota(membership: membership, read: SmallFile.read)
  }

  /// `membership` is the text of /proc/self/cgroup; `read` answers a file's text, or nil.
  static func quota(membership: String, read: (String) -> String?) -> Int? {
    var tightest: Int?
    func consider(_ quota: Int?) {
      if let quota { tightest = min(tightest ?? quota, quota) }
    }
    for line in membership.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isVersion2 = fields[0] == "0" && fields[1].isEmpty
      guard isVersion2 || fields[1].split(separator: ",").contains("cpu") else { continue }
      for path in ancestors(of: String(fields[2])) {
        consider(isVersion2 ? version2(path, read) : version1(path, read))
      }
    }
    return tightest
  }

  /// "/a/b" gives "/a/b", "/a", "".
  private static func ancestors(of path: String) -> [String] {
    var parts = path.split(separator: "/")
    var paths: [String] = []
    while true {
      paths.append(parts.map { "/" + $0 }.joined())
      if parts.popLast() == nil { return paths }
    }
  }

  private static func version2(_ path: String, _ read: (String) -> String?) -> Int? {
    guard let text = read("/sys/fs/cgroup\(path)/cpu.max") else { return nil }
    let fields = text.split(whereSeparator: \.isWhitespace)
    return fields.count == 2 ? roundedUp(fields[0], fields[1]) : nil
  }

  private static func version1(_ path: String, _ read: (String) -> String?) -> Int? {
    guard let quota = read("/sys/fs/cgroup/cpu\(path)/cpu.cfs_quota_us"),
      let period = read("/sys/fs/cgroup/cpu\(path)/cpu.cfs_period_us")
    else { return nil }
    return roundedUp(
      Substring(quota.filter { !$0.isWhitespace }), Substring(period.filter { !$0.isWhitespace }))
  }

  private static func roundedUp(_ quota: Substring, _ period: Substring) -> Int? {
    // "max" and -1 mean none.
    guard let quota = Int(quota), let period = Int(period), quota > 0, period > 0 else { return nil }
    return (quota - 1) / period + 1
  }
}
