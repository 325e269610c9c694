import Glibc

/// Looks whether every lane makes progress, and ends the program with all its stacks when one does not.
package final class Watch: Sendable {
  private let desks: [Desk]
  private let patience: Double

  package init(over desks: [Desk], patience: Double, seed: UInt64) {
    self.desks = desks
    self.patience = patience
    let watch = self
    _ = BareThread {
      var all = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_BLOCK, &all, nil)
      while true {
        usleep(500_000)
        watch.look(seed)
      }
    }
  }

  private func look(_ seed: UInt64) {
    let states = desks.compactMap(\.state)
    let stuck = states.filter { $0.seconds > patience }
    guard !stuck.isEmpty else { return }
    Console.write("hang, seed \(seed):\n")
    for state in states { Console.write("  \(state.what), for \(Int(state.seconds)) s\n") }
    let descendants = ProcessFiles.descendants(of: getpid())
    // As they are now: some would end meanwhile.
    for process in descendants { kill(process, SIGSTOP) }
    for process in [getpid()] + descendants.prefix(40) { Stacks.write(of: process) }
    for process in descendants { kill(process, SIGKILL) }
    Console.write("1 violation: \(stuck[0].what) hangs\n")
    _exit(1)
  }
}

/// Where the threads of a process are.
enum Stacks {
  static func write(of pid: Int32) {
    let command = ProcessFiles.text("/proc/\(pid)/cmdline").split(separator: "\0").joined(separator: " ")
    Console.write("process \(pid), \(command), state \(ProcessFiles.status(of: pid).first ?? "gone"):\n")
    let debugger = ["timeout", "60", "gdb", "-p", "\(pid)", "-batch", "-ex", "thread apply all bt"]
    if run(debugger) == 0 { return }
    // Without a debugger: where each thread is in the kernel.
    for task in ProcessFiles.names(in: "/proc/\(pid)/task") {
      for file in ["comm", "wchan", "syscall"] {
        Console.write("\(pid)/\(task) \(file): \(ProcessFiles.text("/proc/\(pid)/task/\(task)/\(file)"))\n")
      }
    }
  }

  /// The status of a program whose output goes to standard error, as waitpid(2) tells it; nil when it does not start.
  private static func run(_ arguments: [String]) -> Int32? {
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    var pid: pid_t = 0
    guard posix_spawnp(&pid, arguments[0], &actions, nil, &words, environ) == 0 else { return nil }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
      guard errno == EINTR else { return nil }
    }
    return status
  }
}
