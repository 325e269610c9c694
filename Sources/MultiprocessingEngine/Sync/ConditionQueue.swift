import Glibc

/// Those who wait for a condition, beside the lock that guards it, and the table with it.
///
///     0    lock   an `OwnedLock`
///     64   told   how many have been told and have not gone on; never less than that, and more for a while after a death
///     128  table  a `WaiterTable`
package struct ConditionQueue: Sendable {
  package let lock: OwnedLock
  private let told: SharedNumber
  private let table: WaiterTable

  private static let tableOffset = 128
  /// How many can wait at once.
  package static let capacity = 1000
  package static let size = tableOffset + WaiterTable.size(capacity: capacity)

  /// How long a death can go unnoticed of one that has been told, and was killed before it could go on.
  static let patience = Duration.milliseconds(100)

  package init(at address: UnsafeMutableRawPointer) {
    lock = OwnedLock(at: address)
    told = SharedNumber(at: address + OwnedLock.size)
    table = WaiterTable(at: address + Self.tableOffset, capacity: Self.capacity)
  }

  package static func make(at address: UnsafeMutableRawPointer) throws(SystemFailure) -> ConditionQueue {
    _ = try OwnedLock.make(at: address)
    return ConditionQueue(at: address)
  }

  package enum Waiting: Equatable, Sendable {
    case notified, outOfTime
    /// As many wait as can.
    case noRoom
  }

  /// Lets go of the lock, which the calling thread holds, and takes it again once it was notified or out of time.
  package func wait(until deadline: Deadline) throws(SystemFailure) -> Waiting {
    guard let waiter = try enter() else { return .noRoom }
    let span = Tracing.wait("condition")
    defer { span.end() }
    while true {
      let seen = waiter.now
      _ = lock.release()
      sleep(waiter, seen, until: deadline)
      _ = try lock.acquire(until: .never)
      if let waiting = outcome(of: waiter, isOver: deadline.hasPassed) { return waiting }
    }
  }

  /// What has become of one who has taken the lock again; nil when it goes on waiting. By the holder of the lock, as is `enter`.
  func outcome(of waiter: WaiterTable.Waiter, isOver: Bool) -> Waiting? {
    // Ahead of the look at the own state: the heir may be this very one.
    if waiter.state == .waiting { passOn() }
    // One that was notified in the very moment of its time's end counts as notified.
    let isNotified = waiter.state == .released
    guard isNotified || isOver else { return nil }
    waiter.leave()
    if isNotified { told.value &-= 1 }
    return isNotified ? .notified : .outOfTime
  }

  func enter() throws(SystemFailure) -> WaiterTable.Waiter? {
    if let waiter = try table.enter() { return waiter }
    passOn()
    for dead in table.all(.waiting) where dead.isDead { dead.clear() }
    return try table.enter()
  }

  /// Until the waiter is woken, or out of time, or there is something to pass on.
  private func sleep(_ waiter: WaiterTable.Waiter, _ seen: UInt32, until deadline: Deadline) {
    repeat {
      _ = waiter.sleep(while: seen, until: deadline.capped(at: Self.patience))
    } while !waiter.hasBeenWoken(since: seen) && !deadline.hasPassed && !hasToPassOn
  }

  var hasToPassOn: Bool { told.value != 0 && table.all(.released).contains { $0.isDead } }

  /// Wakes the `count` that have waited longest. The calling thread holds the lock.
  package func notify(_ count: Int) {
    passOn()
    tell(count)
  }

  private func tell(_ count: Int) {
    for waiter in table.longestWaiting(count) {
      told.value &+= 1
      waiter.tell(.released)
    }
  }

  /// What was meant for one that was killed before it could go on is the next one's.
  private func passOn() {
    guard hasToPassOn else { return }
    for dead in table.all(.released) where dead.isDead {
      // In this order: killed in between, somebody wakes once too often, and nobody never.
      tell(1)
      dead.clear()
    }
    told.value = table.all(.released).count { _ in true }
  }
}
