import Glibc

/// Those who wait, in the order in which they came. Each has a slot, and in it a mutex that it holds as a proof of life: when
/// it is killed, the kernel sets the mutex free, and the others see that nobody is behind the slot any more.
///
///     0    used     how many slots have ever been in use
///     8    tickets  how many have ever come
///     64   slots    of 64 bytes: proof 0, futex 40, ticket 48, state 56
///
/// A lock of the owner's guards the table: every function is called by its holder, but for those that say otherwise.
package struct WaiterTable: @unchecked Sendable {
  // Sendable: the memory is touched through words, futexes and mutexes.
  private let address: UnsafeMutableRawPointer
  private let capacity: Int
  private let used: SharedNumber
  private let tickets: SharedNumber

  package init(at address: UnsafeMutableRawPointer, capacity: Int) {
    self.address = address
    self.capacity = capacity
    used = SharedNumber(at: address)
    tickets = SharedNumber(at: address + 8)
  }

  package static func size(capacity: Int) -> Int { 64 + capacity * Waiter.size }

  /// What has become of one who waits.
  package enum State: Int, Sendable {
    case gone, waiting
    /// What it waited for has happened; it has not gone on yet.
    case released
    /// What it waited for will not happen; it does not know yet.
    case broken
  }

  package struct Waiter: Sendable {
    fileprivate static let size = 64
    fileprivate let proof: RobustMutex
    fileprivate let futex: SharedFutex
    fileprivate let ticket: SharedNumber
    private let word: SharedNumber

    fileprivate init(at address: UnsafeMutableRawPointer) {
      proof = RobustMutex(at: address)
      futex = SharedFutex(at: address + 40)
      ticket = SharedNumber(at: address + 48)
      word = SharedNumber(at: address + 56)
    }

    package fileprivate(set) var state: State {
      get { State(rawValue: word.value) ?? .gone }
      nonmutating set { word.value = newValue.rawValue }
    }

    /// Whether it has died before it could go on. Anybody may ask, and gets the truth of a moment.
    package var isDead: Bool { state != .gone && proof.isFree }

    /// To be read under the lock, and slept upon without it.
    package var now: UInt32 { futex.now }
    package func sleep(while seen: UInt32, until deadline: Deadline) -> Bool {
      futex.wait(while: seen, until: deadline)
    }
    func sleep(while seen: UInt32, lookAgain: Deadline) -> KeptSleep { futex.sleep(while: seen, lookAgain: lookAgain) }
    package func hasBeenWoken(since seen: UInt32) -> Bool { futex.now != seen }

    /// Wakes it, and then tells it why: it looks under the lock, or, should the caller be killed in between, goes back to sleep.
    package func tell(_ state: State) {
      futex.advance(waking: 1)
      self.state = state
    }

    /// The last thing that one does with its own slot.
    package func leave() {
      state = .gone
      proof.unlock()
    }

    /// Leaves without the lock: the others take it for dead.
    func desert() { proof.unlock() }

    /// Frees the slot of a dead one.
    package func clear() { state = .gone }
  }

  /// A slot for the calling thread, which from now on waits. nil when there is none left.
  package func enter() throws(SystemFailure) -> Waiter? {
    let left = all(.gone).first { _ in true }
    guard let waiter = if let left { left } else { try another() } else { return nil }
    // Nobody's, or of one that was killed on its way in or out.
    guard try waiter.proof.tryLock() != nil else {
      throw SystemFailure("wait: the shared memory is damaged", errno: EBUSY)
    }
    let ticket = tickets.value
    tickets.value = ticket &+ 1
    waiter.ticket.value = ticket
    waiter.state = .waiting
    return waiter
  }

  /// The first slot that was never used.
  private func another() throws(SystemFailure) -> Waiter? {
    let index = count
    guard index < capacity else { return nil }
    _ = try RobustMutex.make(at: place(index))
    used.value = index + 1
    return slot(index)
  }

  /// Every one in a state, in the order of the slots. Anybody may ask, and gets the truth of a moment.
  package func all(_ state: State) -> some Sequence<Waiter> {
    (0..<count).lazy.map(slot).filter { $0.state == state }
  }

  /// Those that wait and are alive, the longest-waiting first, `limit` at most.
  package func longestWaiting(_ limit: Int) -> [Waiter] {
    if limit == 1 {
      return all(.waiting).filter { !$0.isDead }.min { $0.ticket.value < $1.ticket.value }.map { [$0] } ?? []
    }
    return Array(all(.waiting).filter { !$0.isDead }.sorted { $0.ticket.value < $1.ticket.value }.prefix(limit))
  }

  /// Within the bounds whatever others have written.
  private var count: Int { min(max(used.value, 0), capacity) }
  private func place(_ index: Int) -> UnsafeMutableRawPointer { address + 64 + index * Waiter.size }
  private func slot(_ index: Int) -> Waiter { Waiter(at: place(index)) }
}
