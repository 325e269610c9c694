import Glibc
import Synchronization

/// Lets the lanes go on together, and stop together, so that there are moments at which nothing runs.
package final class Rounds: Sendable {
  // By looking again every few milliseconds: a lane may not depend on what is tested, and nothing here is in a hurry.
  private let number = Atomic(0)
  private let running = Atomic(0)
  private let isOver = Atomic(true)
  private let isEnded = Atomic(false)

  package init() {}

  /// For a lane, which has seen round `last`: the next one; nil when there is none.
  package func next(after last: Int) -> Int? {
    while !isEnded.load(ordering: .acquiring) {
      let now = number.load(ordering: .acquiring)
      if now > last { return now }
      usleep(2000)
    }
    return nil
  }

  package var isTimeOver: Bool { isOver.load(ordering: .relaxed) }

  /// For a lane that is done with its round.
  package func leave() { running.subtract(1, ordering: .releasing) }

  /// Has `lanes` run for some seconds, and waits for all of them; calls `meanwhile` now and then.
  package func run(lanes: Int, seconds: Double, meanwhile: () -> Void) {
    running.store(lanes, ordering: .relaxed)
    isOver.store(false, ordering: .relaxed)
    number.add(1, ordering: .releasing)
    let end = Moment.now + seconds
    while running.load(ordering: .acquiring) > 0 {
      if Moment.now >= end { isOver.store(true, ordering: .relaxed) }
      meanwhile()
      usleep(5000)
    }
  }

  package func end() { isEnded.store(true, ordering: .releasing) }
}
