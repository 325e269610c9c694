import Glibc

/// One run of a measuring program, from its command line to its exit code.
package enum Session {
  package enum Outcome: Int32 {
    case fine = 0
    case failed = 1
    /// The command line makes no sense.
    case misused = 2
    /// `--only` matches none of this program's benchmarks.
    case nothingSelected = 3
  }

  /// Measures what the command line selects, prints it, and answers what came of it.
  package static func run(_ benchmarks: [Benchmark], arguments: some Sequence<String>) -> Outcome {
    do {
      let options = try Options(arguments)
      if options.asksForHelp {
        print(Options.usage)
        return .fine
      }
      let selected = try options.selection(from: benchmarks)
      return selected.isEmpty ? .nothingSelected : measure(selected, options)
    } catch let error as UsageError {
      complain("\(error.message)\n\(Options.usage)")
      return .misused
    } catch {
      complain("\(error)")
      return .failed
    }
  }

  /// A benchmark that fails does not keep the others from being measured.
  private static func measure(_ benchmarks: [Benchmark], _ options: Options) -> Outcome {
    let figures = benchmarks.map { benchmark in
      let figure = Figure(benchmark, rounds: options.rounds)
      print(figure.json)
      // A line for each as soon as it is known, and nothing left for a child to inherit.
      fflush(nil)
      if case .failure(let error) = figure.rounds { complain("\(benchmark.title): \(error)") }
      return figure
    }
    if options.printsTable { print("\n" + table(figures) + "\n") }
    fflush(nil)
    return figures.contains(where: \.failed) ? .failed : .fine
  }

  package static func complain(_ text: String) {
    var line = "mpbench: \(text)\n"
    // With standard error closed, the exit code still tells.
    _ = line.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
