import Foundation

/// Prints every stack of this process and its descendants, and ends them all, when a test does not end in time.
final class Watchdog: @unchecked Sendable {
  // Sendable: `isDone` is touched under the condition's lock alone. No Dispatch, which opens descriptors of its own.
  private let condition = NSCondition()
  private var isDone = false

  init(over test: String, seconds: Double) {
    let thread = Thread { [self] in
      if isStopped(before: Date().addingTimeInterval(seconds)) { return }
      FileHandle.standardError.write(Data("\(test) hangs after \(seconds) s\n".utf8))
      let processes = Self.descendants(of: getpid())
      processes.forEach(Self.dump)
      for process in processes where process != getpid() { kill(process, SIGKILL) }
      abort()
    }
    thread.name = "watchdog"
    thread.start()
  }

  func stop() {
    condition.lock()
    isDone = true
    condition.signal()
    condition.unlock()
  }

  private func isStopped(before end: Date) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    while !isDone && condition.wait(until: end) {}
    return isDone
  }

  private static func descendants(of pid: Int32) -> [Int32] {
    [pid] + childProcesses(of: pid).flatMap(descendants)
  }

  private static func dump(_ pid: Int32) {
    let gdb = Process()
    gdb.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gdb.arguments = ["gdb", "-p", "\(pid)", "-batch", "-ex", "thread apply all bt"]
    gdb.standardOutput = FileHandle.standardError
    if (try? gdb.run()) != nil {
      gdb.waitUntilExit()
      if gdb.terminationStatus == 0 { return }
    }
    // Without a debugger: where each thread is in the kernel.
    for task in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? [] {
      for file in ["comm", "wchan", "syscall"] {
        let text = textOfFile("/proc/\(pid)/task/\(task)/\(file)")
        FileHandle.standardError.write(Data("\(pid)/\(task) \(file): \(text)\n".utf8))
      }
    }
  }
}
