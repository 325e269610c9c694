// Shows:  async targets: tasks, groups, sleep, actors and the main actor in a child; cleaning up when it is terminated.
// Run:    swift run async-child
// Prints: what three downloads at once came to, what the main actor says, and how a child that is terminated ends.
import Multiprocessing

func download(_ name: String) async throws -> Int {
  try await Task.sleep(for: .milliseconds(20))
  return name.count
}

actor Total {
  private(set) var bytes = 0
  func add(_ count: Int) { bytes += count }
}

@MainActor func announce(_ total: Int) -> String {
  "\(total) bytes, says the main actor of \(currentProcess().name)"
}

// Any number of tasks in one child. The parent's own code stays synchronous here.
let downloads = Process(
  target: { (names: [String]) async throws -> String in
    let total = Total()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for name in names { group.addTask { await total.add(try await download(name)) } }
      try await group.waitForAll()
    }
    return await announce(total.bytes)
  }, args: (["one", "two", "three"]))
try downloads.start()
print(try downloads.result())

// A subclass.
final class Watcher: AsyncProcessBase {
  override func run() async throws {
    print("\(name) watches")
    do {
      while true { try await Task.sleep(for: .seconds(60)) }
    } catch is CancellationError {
      print("\(name) cleans up")
    }
  }
}

// The first SIGTERM cancels the body, which then ends in its own way.
let watcher = Watcher()
watcher.cancelsOnTermination = true
try watcher.start()
try watcher.terminate()
try watcher.join()
print("\(watcher.name): \(watcher.terminationStatus!)")
