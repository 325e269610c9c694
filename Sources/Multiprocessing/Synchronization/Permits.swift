internal import MultiprocessingEngine

/// What both semaphores have in common: the engine's counter, and its answers as errors.
struct Permits: Sendable {
  let counter: PermitCounter

  static func make(_ label: SegmentLabel, _ permits: Int, limit: Int) throws -> SharedSegment {
    guard permits >= 0 else { throw SynchronizationError.invalidArgument("a semaphore with \(permits) permits") }
    return try .prepared(label, size: PermitCounter.size) { address throws(SystemFailure) in
      _ = try PermitCounter.make(at: address, free: permits, limit: limit)
    }
  }

  init(_ segment: SharedSegment) throws {
    try segment.require(PermitCounter.size)
    counter = PermitCounter(at: segment.contents)
  }

  func take(_ timeout: Duration?) throws {
    let isTaken = try translating { () throws(SystemFailure) in try counter.take(until: Deadline(after: timeout)) }
    if !isTaken { throw TimeoutError.waiting(for: "a semaphore", timeout) }
  }

  // The one failure there is tells of memory that somebody has overwritten: there is no permit to be had.
  func takeAtOnce() -> Bool { (try? counter.takeAtOnce()) ?? false }

  func give(_ count: Int) throws {
    guard count > 0 else { throw SynchronizationError.invalidArgument("a release of \(count) permits") }
    guard try translating({ () throws(SystemFailure) in try counter.give(count) }) else {
      throw SynchronizationError.tooManyReleases
    }
  }

  var available: Int { counter.available }
}
