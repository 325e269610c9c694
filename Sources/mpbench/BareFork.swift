import Glibc
import Measuring

/// fork(2), _exit(2), waitpid(2), and nothing else: what this very program's memory costs, whoever forks it. A Swift program
/// has three times the mappings of one in C.
enum BareFork {
  static func run() throws {
    let pid = try fork()
    if pid == 0 { _exit(0) }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
      guard errno == EINTR else { throw WrongOutcome("waitpid: errno \(errno)") }
    }
    guard status == 0 else { throw WrongOutcome("the child ended with status \(status)") }
  }

  private static func fork() throws -> pid_t {
    typealias Function = @convention(c) () -> pid_t
    // Swift does not offer fork(2) by name. The child calls nothing but _exit(2).
    guard let symbol = dlsym(nil, "fork") else { throw WrongOutcome("fork is not to be found") }
    let pid = unsafeBitCast(symbol, to: Function.self)()
    guard pid >= 0 else { throw WrongOutcome("fork: errno \(errno)") }
    return pid
  }
}
