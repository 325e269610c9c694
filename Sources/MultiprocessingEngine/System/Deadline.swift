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
    let (seconds, attoseconds) = timeout.components
    let (scaled, tooLong) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (length, overflow) = scaled.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
    let (at, pastTheEnd) = Deadline.clock().addingReportingOverflow(length)
    self.at = tooLong || overflow || pastTheEnd ? nil : at
  }

  private static func clock() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Nanoseconds left, 0 when it has passed; -1: for ever.
  package var nanoseconds: Int64 {
    guard let at else { return -1 }
    guard at > 0 else { return 0 }
    let now = Deadline.clock()
    return at > now ? Int64(clamping: at - now) : 0
  }

  var isNever: Bool { at == nil }
}
