import Glibc

/// A place where a number of parties wait for one another.
///
///     0    mutex     guards what follows
///     64   parties
///     72   broken    0 or 1
///     80   opening   1: a phase is complete, and its parties are being told
///     88   outside   1: some may be asleep on the gate
///     96   gate      the futex of those for whom there is no place in this phase
///     128  table     a `WaiterTable`
///
/// A phase is made of those in the table that wait: nothing else is counted, so nothing can be miscounted by one that is killed.
package struct BarrierGround: Sendable {
  let mutex: RobustMutex
  package let parties: Int
  private let broken: SharedNumber
  private let opening: SharedNumber
  private let outside: SharedNumber
  let gate: SharedFutex
  private let table: WaiterTable

  private static let tableOffset = 128
  /// How long the death of a party can go unnoticed by the others.
  static let patience = Duration.milliseconds(100)

  package static let mostParties = 1 << 16

  /// nil for a number of parties that makes no sense. A phase finds places while the parties of the last one are on their way out.
  package static func size(parties: Int) -> Int? {
    guard (1...mostParties).contains(parties) else { return nil }
    return tableOffset + WaiterTable.size(capacity: places(parties))
  }

  private static func places(_ parties: Int) -> Int { 2 * parties + 62 }

  private init(at address: UnsafeMutableRawPointer, parties: Int) {
    mutex = RobustMutex(at: address)
    self.parties = parties
    broken = SharedNumber(at: address + 72)
    opening = SharedNumber(at: address + 80)
    outside = SharedNumber(at: address + 88)
    gate = SharedFutex(at: address + 96)
    table = WaiterTable(at: address + Self.tableOffset, capacity: Self.places(parties))
  }

  /// nil when the memory does not hold as many parties as it says.
  package init?(at address: UnsafeMutableRawPointer, capacity: Int) {
    guard capacity >= Self.tableOffset else { return nil }
    let parties = SharedNumber(at: address + 64).value
    guard let size = Self.size(parties: parties), size <= capacity else { return nil }
    self.init(at: address, parties: parties)
  }

  package static func make(at address: UnsafeMutableRawPointer, parties: Int) throws(SystemFailure) -> BarrierGround {
    _ = try RobustMutex.make(at: address)
    SharedNumber(at: address + 64).value = parties
    return BarrierGround(at: address, parties: parties)
  }

  // MARK: Waiting

  package enum Passage: Equatable, Sendable {
    /// Everybody came; this one as the number given, from 0.
    case passed(Int)
    case broken, outOfTime
  }

  enum Arrival {
    case place(WaiterTable.Waiter, Int, seen: UInt32)
    case outside(UInt32)
    case broken
  }

  /// Waits until all parties are there. The last to come runs `action` first, during which the others go on waiting.
  package func wait(until deadline: Deadline, action: (() throws -> Void)?) throws -> Passage {
    while true {
      guard let arrival = try withMutex(until: deadline, arrive) else { return .outOfTime }
      switch arrival {
      case .broken: return .broken
      case .outside(let seen):
        _ = gate.wait(while: seen, until: deadline.capped(at: Self.patience))
        if deadline.hasPassed {
          _ = try withMutex(until: deadline, breakUp)
          return .outOfTime
        }
      case .place(let party, let number, let seen):
        return number == parties - 1
          ? try complete(party, action, until: deadline) : try wait(as: party, number, seen, until: deadline)
      }
    }
  }

  /// nil when the holder of the mutex is stopped (SIGSTOP) beyond `deadline`.
  private func withMutex<Result>(
    until deadline: Deadline, _ body: () throws(SystemFailure) -> Result
  ) throws(SystemFailure) -> Result? {
    guard try mutex.lockBriefly(until: deadline) != nil else { return nil }
    defer { mutex.unlock() }
    return try body()
  }

  private func complete(
    _ party: WaiterTable.Waiter, _ action: (() throws -> Void)?, until deadline: Deadline
  ) throws -> Passage {
    var failure: (any Error)?
    do { try action?() } catch { failure = error }
    let passage = try withMutex(until: deadline) { complete(party, parties - 1, hasActionFailed: failure != nil) }
    if passage == nil { party.desert() }
    if let failure { throw failure }
    return passage ?? .outOfTime
  }

  private func wait(
    as party: WaiterTable.Waiter, _ number: Int, _ seen: UInt32, until deadline: Deadline
  ) throws(SystemFailure) -> Passage {
    var seen = seen
    let span = Tracing.wait("barrier")
    defer { span.end() }
    while true {
      _ = party.sleep(while: seen, until: deadline.capped(at: Self.patience))
      let step: Passage?? = try withMutex(until: deadline) {
        seen = party.now
        return deadline.hasPassed ? giveUp((party, number)) : passage(of: party, number)
      }
      guard let step else {
        party.desert()
        return .outOfTime
      }
      if let passage = step { return passage }
    }
  }

  // MARK: Steps; by the holder of the mutex

  func arrive() throws(SystemFailure) -> Arrival {
    mend()
    if broken.value != 0 { return .broken }
    let number = waiting
    // All are there, and the last one's action goes on; or the parties of earlier phases have not left yet.
    guard number < parties, let party = try table.enter() else {
      outside.value = 1
      return .outside(gate.now)
    }
    return .place(party, number, seen: party.now)
  }

  /// How a party that waits goes on; nil when it does not yet.
  func passage(of party: WaiterTable.Waiter, _ number: Int) -> Passage? {
    mend()
    return party.state == .waiting ? nil : leave(party, number)
  }

  /// Ends the wait of a party, or of one that has found no place, whose time is over.
  func giveUp(_ party: (waiter: WaiterTable.Waiter, number: Int)?) -> Passage {
    // One that was let go in the very moment of its time's end has passed.
    if let party, let passage = passage(of: party.waiter, party.number) { return passage }
    breakUp()
    party?.waiter.leave()
    return .outOfTime
  }

  /// Ends the phase, in which all are there.
  func complete(_ party: WaiterTable.Waiter, _ number: Int, hasActionFailed: Bool) -> Passage {
    if hasActionFailed {
      breakUp()
    } else {
      mend()
      if party.state == .waiting { open() }
    }
    return leave(party, number)
  }

  private func leave(_ party: WaiterTable.Waiter, _ number: Int) -> Passage {
    let passage: Passage = party.state == .released ? .passed(number) : .broken
    party.leave()
    callIn()
    return passage
  }

  /// Lets all go that wait.
  private func open() {
    opening.value = 1
    for party in table.all(.waiting) { party.tell(.released) }
    opening.value = 0
    callIn()
  }

  private func breakUp() {
    broken.value = 1
    for party in table.all(.waiting) { party.tell(.broken) }
    callIn()
  }

  /// Those outside may find a place now.
  private func callIn() {
    guard outside.value != 0 else { return }
    gate.advance()
    outside.value = 0
  }

  /// Carries on what one that was killed had begun, and breaks the barrier for one that was killed while it waited.
  private func mend() {
    if opening.value != 0 { open() }
    if table.all(.waiting).contains(where: { broken.value != 0 || $0.isDead }) { breakUp() }
    for state in [WaiterTable.State.released, .broken] {
      for dead in table.all(state) where dead.isDead { dead.clear() }
    }
  }

  package func abort() { mutex.withLockOrHeld(breakUp) }

  package func reset() {
    mutex.withLockOrHeld {
      mend()
      breakUp()
      broken.value = 0
    }
  }

  // MARK: Looking at it

  /// How many wait in this phase.
  package var waiting: Int { table.all(.waiting).count { _ in true } }
  package var isBroken: Bool { broken.value != 0 || table.all(.waiting).contains { $0.isDead } }
}
