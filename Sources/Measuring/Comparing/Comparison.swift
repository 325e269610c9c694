/// What came of the rounds on all sides.
package struct Comparison {
  package typealias Side = ComparedWork.Side

  package let works: [ComparedWork]
  private var numbers: [Side: [String: [Double]]] = [:]
  /// What Python calls itself; nil until it has told anything.
  package private(set) var python: String?

  package init(_ works: [ComparedWork]) { self.works = works }

  /// Takes in a round's figure. One that failed leaves the others to count.
  package mutating func add(_ reading: Reading, of side: Side) {
    if side == .python { python = reading.implementation }
    guard case .number(let number) = reading.outcome else { return }
    numbers[side, default: [:]][reading.title, default: []].append(number)
  }

  /// The median of the rounds; nil without any.
  package func median(_ title: String, of side: Side) -> Double? {
    numbers[side]?[title].flatMap { $0.isEmpty ? nil : $0.median }
  }

  /// What was made of the rounds of one work.
  package struct Result: Equatable {
    package var limit, swift, python: Double?
    /// How many times the limit Swift's figure is.
    package var ratio: Double?
    /// nil without a target, or without what it is held against.
    package var isMet: Bool?
    /// How many times better than Python's Swift's figure is.
    package var gain: Double?
  }

  package func result(of work: ComparedWork) -> Result {
    let limits = work.limits.compactMap { median($0, of: work.limitSide) }
    var result = Result()
    result.limit = work.unit.isRate ? limits.max() : limits.min()
    result.swift = median(work.title, of: .swift)
    result.python = work.python.flatMap { median($0, of: .python) }
    result.ratio = quotient(result.swift, result.limit)
    result.isMet = work.target?.isMet(by: result.swift, limit: result.limit)
    result.gain =
      work.unit.isRate ? quotient(result.swift, result.python) : quotient(result.python, result.swift)
    return result
  }

  private func quotient(_ dividend: Double?, _ divisor: Double?) -> Double? {
    guard let dividend, let divisor, divisor > 0 else { return nil }
    return dividend / divisor
  }

  package var table: Grid {
    let header = ["work", "limit", "Swift", "ratio", "target", "met", python.map(capitalized) ?? "Python", "gain"]
    let rows = works.map { work in
      let result = result(of: work)
      return [
        work.name, result.limit.map(work.unit.text) ?? "–", result.swift.map(work.unit.text) ?? "failed",
        result.ratio.map(times) ?? "–", work.target?.text(in: work.unit) ?? "–",
        result.isMet.map { $0 ? "yes" : "no" } ?? "–", result.python.map(work.unit.text) ?? "–",
        result.gain.map(times) ?? "–",
      ]
    }
    return Grid(rows: [header] + rows, numericColumns: [1, 2, 3, 4, 6, 7])
  }

  private func times(_ number: Double) -> String { "\(threeDigits(number)) ×" }

  private func capitalized(_ name: String) -> String { name.prefix(1).uppercased() + name.dropFirst() }
}
