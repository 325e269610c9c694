import Glibc
import Synchronization

/// What one lane has: its random numbers, what it counts, what it tells of itself.
package final class Desk: @unchecked Sendable {
  // Sendable: `draw` and `tally` are the lane's thread's, and others' only while it pauses; the rest is guarded.
  package let kind: String
  package var draw: Draw
  package var tally = Tally()
  package var step = 0

  private struct Progress {
    var what = "nothing yet"
    var time = Moment.now
    var isPaused = true
  }

  private let progress = Mutex(Progress())
  private let findings: Findings

  package init(kind: String, seed: UInt64, findings: Findings) {
    self.kind = kind
    draw = Draw(seed: seed, name: kind)
    self.findings = findings
  }

  /// Tells what is done now: from here on time counts against it.
  package func announce(_ what: String) {
    progress.withLock { $0 = Progress(what: what, time: Moment.now, isPaused: false) }
  }

  /// Nothing is done until the next announcement.
  package func pause() { progress.withLock { $0.isPaused = true } }

  package var isPaused: Bool { progress.withLock { $0.isPaused } }

  /// What it does, and for how many seconds it has.
  package var state: (what: String, seconds: Double)? {
    progress.withLock { $0.isPaused ? nil : ("lane \(kind), step \(step): \($0.what)", Moment.now - $0.time) }
  }

  package func violation(_ text: String) {
    let what = progress.withLock { $0.what }
    findings.add("lane \(kind), step \(step): \(what): \(text)")
  }

  package func require(_ holds: Bool, _ text: @autoclosure () -> String) {
    if !holds { violation(text()) }
  }
}

/// The violations of all lanes.
package final class Findings: Sendable {
  private let texts = Mutex<[String]>([])

  package init() {}

  package func add(_ text: String) {
    let isNew = texts.withLock {
      $0.append(text)
      return $0.count <= 200
    }
    if isNew { Console.write("violation: \(text)\n") }
  }

  package var all: [String] { texts.withLock { $0 } }
}

package enum Console {
  /// To standard error, whole.
  package static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      // There is nobody left to tell.
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

package enum Moment {
  /// Seconds on the monotonic clock.
  package static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
