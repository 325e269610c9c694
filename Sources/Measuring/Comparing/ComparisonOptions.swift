/// What a command line with `--compare` asks for.
package struct ComparisonOptions {
  package var common: Options
  package var asksForMarkdown = false

  package static func areMeant(by arguments: some Sequence<String>) -> Bool { arguments.contains("--compare") }

  /// Throws `UsageError`.
  package init(_ arguments: some Sequence<String>) throws {
    var rest: [String] = []
    for argument in arguments {
      switch argument {
      case "--compare": break
      case "--markdown": asksForMarkdown = true
      default: rest.append(argument)
      }
    }
    common = try Options(rest)
    if asksForMarkdown, !common.printsTable { throw UsageError("either --json or --markdown") }
  }

  /// Those with a match in their name, or in the title of their benchmark.
  package func selection(from works: [ComparedWork]) throws -> [ComparedWork] {
    guard let only = common.only else { return works }
    return try works.filter { try only.firstMatch(in: $0.title) != nil || only.firstMatch(in: $0.name) != nil }
  }
}
