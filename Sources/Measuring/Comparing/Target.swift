/// What a figure is to reach.
package struct Target: Equatable, Sendable {
  package enum Bound: String, Sendable {
    case atMost = "≤"
    case atLeast = "≥"
  }

  package let bound: Bound
  package let number: Double
  /// Whether the number is one of times the limit, rather than of the figure's unit.
  package let isRatio: Bool

  /// So many times the limit.
  package static func times(_ bound: Bound, _ number: Double) -> Target {
    Target(bound: bound, number: number, isRatio: true)
  }

  package static func figure(_ bound: Bound, _ number: Double) -> Target {
    Target(bound: bound, number: number, isRatio: false)
  }

  /// nil without what it is held against.
  package func isMet(by figure: Double?, limit: Double?) -> Bool? {
    guard let figure else { return nil }
    guard isRatio else { return holds(figure) }
    guard let limit, limit > 0 else { return nil }
    return holds(figure / limit)
  }

  private func holds(_ value: Double) -> Bool {
    switch bound {
    case .atMost: value <= number
    case .atLeast: value >= number
    }
  }

  /// "≤ 1.5 ×", "≥ 5.00 M/s".
  package func text(in unit: Benchmark.Unit) -> String {
    // As it was written: 1.5, and 2 rather than 2.0.
    isRatio
      ? "\(bound.rawValue) \(number == number.rounded() ? "\(Int(number))" : "\(number)") ×"
      : "\(bound.rawValue) \(unit.text(number))"
  }
}
