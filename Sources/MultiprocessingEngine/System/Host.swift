import CMultiprocessing
import Glibc

/// What the C library knows and the Glibc module does not import.
package enum Host {
  /// The processors in this process' affinity mask; nil on a machine with too many to ask so.
  package static var affinityCount: Int? {
    let count = mp_affinity_count()
    return count > 0 ? Int(count) : nil
  }

  /// The threads of this process at the moment; nil without a mounted proc(5).
  package static var threadCount: Int? {
    var status = stat()
    // A folder for each thread, each with a link to its parent, and the two links that every folder has.
    return stat("/proc/self/task", &status) == 0 ? Int(status.st_nlink) - 2 : nil
  }

  /// A signal's name, "SIGKILL"; nil for a number without one.
  package static func signalName(_ number: Int32) -> String? {
    mp_signal_name(number).map { "SIG" + String(cString: $0) }
  }

  /// The bytes that the system, or the limit of its control group, has to give at most; nil when it does not tell.
  static var availableMemory: Int? {
    guard let text = SmallFile.read("/proc/meminfo") else { return nil }
    var kibibytes = 0
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") || line.hasPrefix("SwapFree:") {
      let words = line.split(separator: " ")
      kibibytes += words.count > 1 ? Int(words[1]) ?? 0 : 0
    }
    guard kibibytes > 0 else { return nil }
    // "max" is no number. Inside a container the mount is the container's own group; cgroups(7).
    let limit = SmallFile.read("/sys/fs/cgroup/memory.max").flatMap { Int($0.prefix { $0.isNumber }) }
    return min(kibibytes << 10, limit ?? .max)
  }
}
