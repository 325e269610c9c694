/// What a lane has done, or all of them.
package struct Tally: Sendable {
  /// Names of what can be counted, each with the names of its kinds.
  package enum Heading: String, CaseIterable, Sendable {
    case operations, kills, crashes
    case errors = "expected errors"
  }

  private var counts: [Heading: [String: Int]] = [:]
  /// Seconds that an operation has taken at most.
  private var longest: [String: Double] = [:]

  package init() {}

  package mutating func add(_ name: String, to heading: Heading, _ count: Int = 1) {
    counts[heading, default: [:]][name, default: 0] += count
  }

  /// An operation has ended.
  package mutating func took(_ seconds: Double, for operation: String) {
    longest[operation] = max(longest[operation] ?? 0, seconds)
  }

  package mutating func add(_ other: Tally) {
    for (name, seconds) in other.longest { took(seconds, for: name) }
    for (heading, names) in other.counts {
      for (name, count) in names { add(name, to: heading, count) }
    }
  }

  package func sum(_ heading: Heading) -> Int { counts[heading, default: [:]].values.reduce(0, +) }

  package subscript(_ name: String, _ heading: Heading) -> Int { counts[heading]?[name] ?? 0 }

  /// A table, for the end.
  package var table: String {
    let width = counts.values.flatMap(\.keys).map(\.count).max() ?? 0
    return Heading.allCases.map { heading in
      let names = counts[heading, default: [:]].sorted { $0.key < $1.key }
      let lines = names.map { name, count -> String in
        let times = longest[name].map { ", \(Int($0 * 1000)) ms at most" } ?? ""
        return "  \(name)\(String(repeating: " ", count: width - name.count + 2))\(count)\(times)"
      }
      return (["\(heading.rawValue): \(sum(heading))"] + lines).joined(separator: "\n")
    }.joined(separator: "\n")
  }
}
