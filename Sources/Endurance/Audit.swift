/// What must not be there while nothing runs, and what must not grow.
package struct Audit: Sendable {
  /// What may grow, and by how much.
  package struct Allowances: Sendable {
    /// Descriptors that the library opens once in a program's life, when they are first needed.
    package var onceOpened: Set<String> = ["anon_inode:[eventpoll]", "anon_inode:[timerfd]", "anon_inode:[eventfd]"]
    /// Threads wait for the next wait or job for a while.
    package var threads = 16
    /// What malloc has given out, in KiB, and what it could not give back: the symbols of a crash report take some ten MiB for a moment, in the arena
    /// of whichever thread reads it.
    package var heap = 48 << 10
    /// Resident memory, in KiB. More than the heap's share: malloc keeps the holes between what is in use, in an arena for each of some threads, and
    /// the stacks of threads that have ended.
    package var resident = 96 << 10

    package init() {}
  }

  package let before: Holdings
  package let allowances: Allowances

  package init(since before: Holdings, _ allowances: Allowances = Allowances()) {
    self.before = before
    self.allowances = allowances
  }

  /// In words; empty when all is well.
  package func violations(in now: Holdings) -> [String] {
    var words = Self.leftovers(in: now)
    for (kind, count) in now.descriptors.sorted(by: { $0.key < $1.key }) {
      let allowed = max(before.descriptors[kind] ?? 0, allowances.onceOpened.contains(kind) ? 1 : 0)
      if count > allowed { words.append("\(count) descriptors of kind \(kind), \(allowed) before") }
    }
    for (name, count) in now.sharedMappings.sorted(by: { $0.key < $1.key }) {
      let allowed = before.sharedMappings[name] ?? 0
      if count > allowed { words.append("\(count) mappings of \(name), \(allowed) before") }
    }
    for (what, number, old, allowed) in [
      ("threads", now.threads, before.threads, allowances.threads),
      ("KiB of heap", now.heap, before.heap, allowances.heap),
      ("KiB of resident memory", now.resident, before.resident, allowances.resident),
    ] where number > old + allowed {
      words.append("\(number) \(what), \(old) before, and \(allowed) more are allowed")
    }
    return words
  }

  /// What malloc may hold more when all is done than before anything was, in KiB: the lanes' threads are gone, and their arenas with them.
  package static let lastingHeap = 8 << 10

  package static func memoryViolations(from before: Holdings, to end: Holdings) -> [String] {
    guard end.heap > before.heap + lastingHeap else { return [] }
    return [
      "\(end.heap) KiB of heap at the end, \(before.heap) before anything was done, and \(lastingHeap) more are allowed"
    ]
  }

  /// What must never be there while nothing runs.
  package static func leftovers(in now: Holdings) -> [String] {
    now.children.sorted { $0.key < $1.key }.map { "child \($0.key) in state \($0.value)" }
      + now.strays.sorted { $0.key < $1.key }.map { "process \($0.key) is left: \($0.value)" }
      + now.names.sorted().map { "/dev/shm/\($0) is left" }
  }
}
