import Glibc
import Measuring

/// Measures the coder beside Foundation's, for `mpbench`, which runs this program.
@main
enum Command {
  static func main() {
    exit(Session.run(Benchmark.coding, arguments: CommandLine.arguments.dropFirst()).rawValue)
  }
}
