import Glibc

/// The tasks of a queue: an element is one until `done` was called for it. Python's `task_done` and `join`.
///
/// A process that is killed before it has called `done` leaves its task open. Whoever dies inside `done` has either counted or not:
/// the count is one write, and wakes come before it.
package struct QueueTasks: Sendable {
  private let mutex: RobustMutex
  private let count: SharedWord
  /// 1 when somebody may be asleep on `finished`; guarded by the mutex.
  private let joinerSleeps: SharedWord
  private let finished: SharedFutex
  private let tail: QueueCursor

  init(_ base: UnsafeMutableRawPointer, tail: QueueCursor) {
    mutex = RobustMutex(at: base + QueueLayout.tasksMutex)
    count = SharedWord(at: base + QueueLayout.tasksDone)
    joinerSleeps = SharedWord(at: base + QueueLayout.joinerSleeps)
    finished = SharedFutex(at: base + QueueLayout.tasksFinished)
    self.tail = tail
  }

  /// False when more tasks are done than elements were put.
  package func done() throws(SystemFailure) -> Bool {
    _ = try mutex.lock()
    defer { mutex.unlock() }
    let put = tail.observe().count
    guard count.value < put else { return false }
    if count.value + 1 == put, joinerSleeps.value != 0 {
      finished.advance()
      joinerSleeps.value = 0
    }
    count.value += 1
    return true
  }

  /// Waits until every element that was put is done. False when `deadline` comes first.
  package func join(until deadline: Deadline) throws(SystemFailure) -> Bool {
    while true {
      guard try mutex.lockBriefly(until: deadline) != nil else { return false }
      let isOver = count.value == tail.observe().count
      if !isOver { joinerSleeps.value = 1 }
      let seen = finished.now
      mutex.unlock()
      if isOver { return true }
      let span = Tracing.wait("the tasks of a queue")
      defer { span.end() }
      if !finished.wait(while: seen, until: deadline) {
        guard try mutex.lockBriefly(until: deadline) != nil else { return false }
        defer { mutex.unlock() }
        return count.value == tail.observe().count
      }
    }
  }

  /// The same wait for a task. `owner` keeps the memory mapped.
  func joining(of owner: some AnyObject & Sendable) -> GuardedWait {
    func isOver() -> Bool { count.value == tail.observe().count }
    return GuardedWait(
      mutex, of: owner, until: isOver,
      look: { _ in
        if isOver() { return nil }
        joinerSleeps.value = 1
        return finished.sleep(while: finished.now)
      })
  }
}
