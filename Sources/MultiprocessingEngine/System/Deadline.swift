import Glibc

/// A point on the monotonic clock (CLOCK_MONOTONIC, which does not count suspension), or never.
package struct Deadline: Sendable {
  /// Nanoseconds on the clock; nil: never.
  private let at: UInt64?

  package static let never = Deadline(at: nil)
  /// In the past: looks once and does not wait.
  package static let now = Deadline(at: 0)

  private init(at: UInt64?) { self.at = at }

  /// `timeout` from now. nil waits for ever, as does what is longer than the clock can count; a negative one is zero.
  package init(after timeout: Duration?) {
    guard let timeout else {
      self = .never
      return
    }
    guard timeout > .zero else {
      self = .now
      return
    }
    // A longer one cannot be taken apart.
    guard timeout < .seconds(Int64.max) else {
      self = .never
      return
    }
    let (seconds, attoseconds) = timeout.components
    let (scaled, tooLong) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (length, overflow) = scaled.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
    let (at, pastTheEnd) = monotonicNanoseconds().addingReportingOverflow(length)
    self.at = tooLong || overflow || pastTheEnd ? nil : at
  }

  /// `grace` after this point, or from now if it has passed.
  package func later(by grace: Duration) -> Deadline {
    guard nanoseconds >= 0 else { return .never }
    return Deadline(after: .nanoseconds(nanoseconds) + grace)
  }

  /// The sooner one of this and `length` from now.
  package func capped(at length: Duration) -> Deadline {
    let other = Deadline(after: length)
    return nanoseconds >= 0 && nanoseconds < other.nanoseconds ? self : other
  }

  /// Nanoseconds left, 0 when it has passed; -1: for ever.
  package var nanoseconds: Int64 {
    guard let at else { return -1 }
    guard at > 0 else { return 0 }
    let now = monotonicNanoseconds()
    return at > now ? Int64(clamping: at - now) : 0
  }

  /// The time left; nil: for ever.
  package var remaining: Duration? { isNever ? nil : .nanoseconds(nanoseconds) }

  /// The point itself, in nanoseconds on the clock; nil: never.
  package var instant: UInt64? { at }

  package static func earlier(_ first: Deadline, _ second: Deadline) -> Deadline {
    guard let at = first.at else { return second }
    guard let other = second.at else { return first }
    return at < other ? first : second
  }

  package var isNever: Bool { at == nil }
  package var hasPassed: Bool { nanoseconds == 0 }
}

extension Deadline: Comparable {
  /// The earlier one is less; never is the greatest.
  package static func < (one: Deadline, other: Deadline) -> Bool {
    guard let at = one.at else { return false }
    return other.at.map { at < $0 } ?? true
  }
}
