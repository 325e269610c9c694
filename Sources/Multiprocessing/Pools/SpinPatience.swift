/// How long a worker looks for work before it sleeps: longer where that was worth it, shorter where it was not.
struct SpinPatience {
  /// Whether it looks at all.
  let spins: Bool
  private(set) var nanoseconds: UInt64

  /// A wake-up by the system costs about as much as the longest look. The shortest one still meets whoever asks again at once.
  private static let range: ClosedRange<UInt64> = 12_000...32_000

  init(isAllowed: Bool) {
    spins = isAllowed
    nanoseconds = Self.range.lowerBound
  }

  /// What the last look has come to.
  mutating func note(wasWorthIt: Bool) {
    nanoseconds = wasWorthIt ? min(nanoseconds * 2, Self.range.upperBound) : max(nanoseconds / 2, Self.range.lowerBound)
  }
}
