internal import TraceReading

/// A line of JSON, as all that measure print one for each figure.
package struct Reading: Equatable {
  package let implementation: String
  /// "bench variant", as `Benchmark.title`.
  package let title: String
  package let outcome: Outcome

  package enum Outcome: Equatable {
    case number(Double)
    /// Why there is none.
    case failure(String)
  }

  /// nil for what is no such line.
  package init?(_ line: some StringProtocol) {
    guard let json = TraceJSON(Array(line.utf8)), let implementation = json["impl"]?.text,
      let bench = json["bench"]?.text, let variant = json["variant"]?.text
    else { return nil }
    if let number = json["median"]?.number, number >= 0 {
      outcome = .number(number)
    } else if let error = json["error"]?.text {
      outcome = .failure(error)
    } else {
      return nil
    }
    self.implementation = implementation
    title = variant.isEmpty ? bench : "\(bench) \(variant)"
  }
}
