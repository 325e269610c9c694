/// What the command line asks for.
package struct Options {
  package var rounds = 5
  package var only: Regex<AnyRegexOutput>?
  package var printsTable = true
  package var asksForHelp = false

  package static let usage = """
    usage: mpbench [--json] [--rounds N] [--only REGEX]
           mpbench --compare [--json | --markdown] [--rounds N] [--only REGEX]
      --json        only the lines of JSON, without the table for people
      --rounds N    how often each benchmark is repeated; 5 unless given
      --only REGEX  the benchmarks with a match in "bench variant"
      --compare     beside the same work in C and, where there is a python3, in Python, in turn, and with what is aimed at;
                    --only looks at the table's first column as well
      --markdown    the table of --compare as Markdown
    """

  /// Throws `UsageError`.
  package init(_ arguments: some Sequence<String>) throws {
    var rest = arguments.makeIterator()
    while let argument = rest.next() {
      switch argument {
      case "--json": printsTable = false
      case "--help", "-h": asksForHelp = true
      case "--rounds":
        guard let text = rest.next(), let number = Int(text), number > 0 else {
          throw UsageError("--rounds takes a number of at least 1")
        }
        rounds = number
      case "--only":
        guard let pattern = rest.next() else { throw UsageError("--only takes a regular expression") }
        do {
          only = try Regex(pattern)
        } catch {
          throw UsageError("--only \(pattern): \(error)")
        }
      default: throw UsageError("unknown option \(argument)")
      }
    }
  }

  package func selection(from benchmarks: [Benchmark]) throws -> [Benchmark] {
    guard let only else { return benchmarks }
    return try benchmarks.filter { try only.firstMatch(in: $0.title) != nil }
  }
}

package struct UsageError: Error {
  package let message: String
  package init(_ message: String) { self.message = message }
}
