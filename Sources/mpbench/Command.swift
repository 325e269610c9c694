import Glibc
import Measuring

/// Measures this library on this machine, in the terms of the C limits and the peers it is compared with.
///
/// The coders are measured by a program of their own, which this one runs: Foundation, which they are compared with, would
/// more than double the memory mappings that every fork of this one copies.
@main
enum Command {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    if ComparisonOptions.areMeant(by: arguments) { exit(ComparisonRun.run(arguments).rawValue) }
    let benchmarks =
      Benchmark.starts + Benchmark.crashes + Benchmark.queues + Benchmark.connections + Benchmark.locks
      + Benchmark.sharedMemory + Benchmark.tasks + Benchmark.threads + Benchmark.pools + Benchmark.programs
      + Benchmark.traces
    let own = Session.run(benchmarks, arguments: arguments)
    if own == .misused || !arguments.allSatisfy({ $0 != "--help" && $0 != "-h" }) { exit(own.rawValue) }
    let coders = runCoders(Array(arguments))
    if own == .nothingSelected && coders == Session.Outcome.nothingSelected.rawValue {
      Session.complain("--only matches none of the benchmarks\n\(Options.usage)")
      exit(Session.Outcome.misused.rawValue)
    }
    exit(own == .failed || coders == Session.Outcome.failed.rawValue ? 1 : 0)
  }

  /// The exit code of the program beside this one that measures the coders.
  private static func runCoders(_ arguments: [String]) -> Int32 {
    guard let own = try? OwnPath.find() else { return failed("finding this program") }
    let program = own + "-coders"
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    let error = posix_spawn(&pid, program, nil, nil, &words, environ)
    guard error == 0 else { return failed("starting \(program): errno \(error)") }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
      guard errno == EINTR else { return failed("waiting for \(program): errno \(errno)") }
    }
    // The macros of waitpid(2): an exit code, or a signal in the lowest bits.
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : failed("\(program) ended by signal \(status & 0x7F)")
  }

  private static func failed(_ what: String) -> Int32 {
    Session.complain(what)
    return Session.Outcome.failed.rawValue
  }
}
