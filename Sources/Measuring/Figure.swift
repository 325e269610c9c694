import Glibc

/// What came of a benchmark: a number for each round, or the error that ended it.
package struct Figure {
  package let benchmark: Benchmark
  package let rounds: Result<[Double], any Error>

  package init(_ benchmark: Benchmark, rounds: Int) {
    self.benchmark = benchmark
    self.rounds = Result {
      try (0..<rounds).map { _ in
        let number = try benchmark.round(benchmark.count)
        guard number.isFinite else { throw WrongOutcome("measured \(number)") }
        return number
      }
    }
  }

  package var failed: Bool {
    if case .failure = rounds { true } else { false }
  }

  /// One line, with the keys of the anchors.
  package var json: String {
    var fields = [
      ("impl", quoted("swift")), ("bench", quoted(benchmark.bench)), ("variant", quoted(benchmark.variant)),
    ]
    switch rounds {
    case .success(let numbers):
      fields += [
        ("median", text(numbers.median)), ("min", text(numbers.min()!)), ("max", text(numbers.max()!)),
        ("unit", quoted(benchmark.unit.rawValue)), ("n", "\(benchmark.count)"),
        ("rounds", "\(numbers.count)"),
      ]
    case .failure(let error):
      fields.append(("error", quoted("\(error)")))
    }
    return "{" + fields.map { "\(quoted($0)):\($1)" }.joined(separator: ",") + "}"
  }

  /// The cells of the table, as `Figure.header` names them.
  fileprivate var row: [String] {
    switch rounds {
    case .success(let numbers):
      [
        benchmark.bench, benchmark.variant, text(numbers.median), benchmark.unit.rawValue,
        "\(text(numbers.min()!)) to \(text(numbers.max()!))", "\(benchmark.count)",
      ]
    case .failure: [benchmark.bench, benchmark.variant, "failed", "", "", ""]
    }
  }

  fileprivate static let header = ["figure", "how", "median", "unit", "lowest to highest", "n"]
  fileprivate static let numericColumns: Set = [2, 5]
}

/// The figures for people.
package func table(_ figures: [Figure]) -> String {
  Grid(rows: [Figure.header] + figures.map(\.row), numericColumns: Figure.numericColumns).text
}

/// Six significant digits, which JSON reads.
private func text(_ number: Double) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
    // "%.6g" of a finite number takes 13 bytes at most.
    _ = withVaList([number]) { vsnprintf(buffer.baseAddress, buffer.count, "%.6g", $0) }
    return String(cString: buffer.baseAddress!)
  }
}

private func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"", "\\": result += "\\\(scalar)"
    case "\0"..<" ":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
