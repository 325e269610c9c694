import Glibc

/// What this process holds on to at one moment, as the kernel and malloc tell it.
package struct Holdings: Sendable, Equatable {
  /// How many descriptors there are of each kind: "pipe", "socket", "/memfd:…", "/dev/null".
  package var descriptors: [String: Int] = [:]
  /// How many mappings there are of each file of shared memory.
  package var sharedMappings: [String: Int] = [:]
  /// Our children with their states, "Z" for one that nobody has reaped.
  package var children: [Int32: String] = [:]
  /// What descends from us and is no child of ours any more.
  package var strays: [Int32: String] = [:]
  /// What has our name in /dev/shm.
  package var names: Set<String> = []
  package var threads = 0
  /// Anonymous memory that is resident, in KiB.
  package var resident = 0
  /// What malloc has given out, in KiB.
  package var heap = 0

  package init() {}

  package var descriptorCount: Int { descriptors.values.reduce(0, +) }

  /// "pipe:[4711]" is a pipe, "/memfd:a (deleted)" the memory file a.
  package static func kind(of target: String) -> String {
    if target.hasPrefix("/") {
      let deleted = " (deleted)"
      return target.hasSuffix(deleted) ? String(target.dropLast(deleted.count)) : target
    }
    return String(target.prefix { $0 != ":" }) == "anon_inode" ? target : String(target.prefix { $0 != ":" })
  }

  /// What is here now.
  package static func now(marked mark: Mark) -> Holdings {
    var holdings = Holdings()
    for number in ProcessFiles.names(in: "/proc/self/fd") {
      // The one that reads this very folder is gone by now.
      guard let target = ProcessFiles.target(of: "/proc/self/fd/\(number)"), target != "/proc/\(getpid())/fd" else {
        continue
      }
      holdings.descriptors[kind(of: target), default: 0] += 1
    }
    for line in ProcessFiles.text("/proc/self/maps").split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
      guard fields.count == 6 else { continue }
      let name = fields[5].drop { $0 == " " }
      guard ["/memfd:", "/dev/shm/", "/dev/zero"].contains(where: { name.hasPrefix($0) }) else { continue }
      holdings.sharedMappings[kind(of: String(name)), default: 0] += 1
    }
    for child in ProcessFiles.children(of: getpid()) {
      holdings.children[child] = ProcessFiles.status(of: child).first.map { String($0) } ?? "gone"
    }
    holdings.strays = mark.strays().filter { holdings.children[$0.key] == nil }
    holdings.names = Set(ProcessFiles.names(in: "/dev/shm").filter { $0.contains(mark.name) })
    let status = ProcessFiles.text("/proc/self/status")
    holdings.threads = ProcessFiles.kibibytes("Threads", in: status)
    Malloc.trim()
    holdings.resident = ProcessFiles.kibibytes("RssAnon", in: ProcessFiles.text("/proc/self/status"))
    holdings.heap = Malloc.bytesInUse >> 10
    return holdings
  }
}

/// What descendants of this process are known by, wherever they end up: forked ones by a pipe they inherit, programs by their environment.
package struct Mark: Sendable {
  package let name: String
  private let descriptor: Int32
  private let target: String

  /// Made before the first child.
  package init() {
    name = "mpstress-\(getpid())"
    setenv("MPSTRESS", name, 1)
    var ends: (Int32, Int32) = (-1, -1)
    let error = withUnsafeMutableBytes(of: &ends) { pipe($0.bindMemory(to: Int32.self).baseAddress!) }
    precondition(error == 0, "no pipe: errno \(errno)")
    close(ends.1)
    descriptor = ends.0
    target = ProcessFiles.target(of: "/proc/self/fd/\(descriptor)") ?? ""
  }

  /// Every other process that bears the mark, with its command.
  func strays() -> [Int32: String] {
    var strays: [Int32: String] = [:]
    for process in ProcessFiles.names(in: "/proc") {
      guard let pid = Int32(process), pid != getpid() else { continue }
      let isForked = ProcessFiles.target(of: "/proc/\(pid)/fd/\(descriptor)") == target
      guard isForked || ProcessFiles.text("/proc/\(pid)/environ").split(separator: "\0").contains("MPSTRESS=\(name)")
      else { continue }
      let command = ProcessFiles.text("/proc/\(pid)/cmdline").split(separator: "\0").joined(separator: " ")
      strays[pid] = "\(command), parent \(ProcessFiles.parent(of: pid) ?? 0)"
    }
    return strays
  }
}
