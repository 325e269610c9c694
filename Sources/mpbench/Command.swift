import Glibc

/// Measures this library on this machine, in the terms of the C limits and the peers it is compared with.
@main
enum Command {
  static func main() {
    do {
      let options = try Options(CommandLine.arguments.dropFirst())
      if options.asksForHelp {
        print(Options.usage)
        return
      }
      exit(try run(options) ? 0 : 1)
    } catch let error as UsageError {
      complain("\(error.message)\n\(Options.usage)")
      exit(2)
    } catch {
      complain("\(error)")
      exit(1)
    }
  }

  /// False when a benchmark failed; the others are measured all the same.
  private static func run(_ options: Options) throws -> Bool {
    let figures = try options.selection(from: Benchmark.all).map { benchmark in
      let figure = Figure(benchmark, rounds: options.rounds)
      print(figure.json)
      // A line for each as soon as it is known, and nothing left for a child to inherit.
      fflush(nil)
      if case .failure(let error) = figure.rounds { complain("\(benchmark.title): \(error)") }
      return figure
    }
    if options.printsTable { print("\n" + table(figures)) }
    return !figures.contains(where: \.failed)
  }

  private static func complain(_ text: String) {
    var line = "mpbench: \(text)\n"
    // With standard error closed, the exit code still tells.
    _ = line.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
