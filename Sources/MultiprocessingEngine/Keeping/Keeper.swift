import CMultiprocessing
import Synchronization

/// A thread that carries out waits for what lies in shared memory, in the place of tasks, and holds for them what a thread has to hold:
/// a place in a line, a proof of life, a lock. It sleeps on all the words that its waits sleep on at once.
///
/// Only this thread makes a wait's steps and ends it, so that what ends it, its step, its deadline or its being withdrawn, happens in
/// one order. It blocks in nothing but its sleep: all others in it go on, however long one waits.
///
/// A process gets one with its first such wait, and one more for about each hundred waits at once. They stay, since they may be holding
/// locks. In a child there are none, and its first wait begins with a new one.
package final class Keeper: Sendable {
  package enum Outcome: Sendable, Equatable {
    case over, outOfTime, withdrawn
    case failed(SystemFailure)
  }

  /// Is called once, on the keeper's thread or the one that began the wait, with no lock held. Must not wait.
  package typealias Completion = @Sendable (Outcome) -> Void
  package typealias Ticket = UInt64

  private struct Arrival {
    let ticket: Ticket
    let wait: any KeptWait
    let deadline: Deadline
    let completion: Completion
  }

  /// What others want of the thread.
  private struct Orders {
    var arrivals: [Arrival] = []
    var withdrawn: [Ticket] = []
    var requests: [@Sendable () -> Void] = []
  }

  private struct State {
    var orders = Orders()
    /// The waits that are announced and have not begun; true: withdrawn since.
    var announced: [Ticket: Bool] = [:]
    var lastTicket: Ticket = 0
    /// How many waits there are.
    var load = 0
  }

  private let generation = Generation.current
  private let bell = Doorbell()
  private let state = ForkAwareLock(State())
  /// 0 until the thread runs.
  private let threadID = Atomic<Int32>(0)
  /// The waits that have taken a step and are not over.
  private let waits = Atomic<Int>(0)

  // MARK: The keepers of a process

  /// One word of the kernel's limit is the bell's, and some are left for waits that have to be with a certain keeper.
  package static let mostWaits = 100

  private final class Staff: Sendable {
    let generation = Generation.current
    let keepers: [Keeper]
    init(_ keepers: [Keeper]) { self.keepers = keepers }
  }

  // A child may find the parent's here. They are replaced and never freed, for the threads that own them too stay behind: no state is
  // touched that another thread of the parent was changing at the fork.
  private static let ofThisProcess = ForkAwareLock<Staff?>(nil)

  private static var current: [Keeper] {
    ofThisProcess.withLock { $0 }.flatMap { $0.generation.isCurrent ? $0.keepers : nil } ?? []
  }

  /// How many there are.
  package static var count: Int { current.count }

  /// How many waits of this process' tasks have begun and are not over.
  package static var waitCount: Int { current.reduce(0) { $0 + $1.waits.load(ordering: .relaxed) } }

  /// The threads that do nothing as long as nobody begins another wait; nil while somebody waits.
  package static var idleThreads: Int? {
    let keepers = current
    return keepers.allSatisfy { $0.state.withLock { $0.load == 0 } } ? keepers.count : nil
  }

  /// A keeper that has room for one more wait, which is to begin there; started if need be.
  package static func withRoom() throws(SystemFailure) -> Keeper {
    try ofThisProcess.withLock { (staff) throws(SystemFailure) in
      let keepers = staff.flatMap { $0.generation.isCurrent ? $0.keepers : nil } ?? []
      if let keeper = keepers.first(where: { $0.takeRoom() }) { return keeper }
      let keeper = Keeper()
      try keeper.start()
      _ = keeper.takeRoom()
      staff = Staff(keepers + [keeper])
      return keeper
    }
  }

  /// The keeper in this process with that thread; nil when the thread is another's.
  package static func with(threadID: Int32) -> Keeper? {
    threadID == 0 ? nil : current.first { $0.threadID.load(ordering: .acquiring) == threadID }
  }

  private func start() throws(SystemFailure) {
    // The program's handlers are to run on the program's threads.
    let result = SignalMask.withAllBlocked {
      Result { () throws(SystemFailure) in try DetachedThread.start { [self] in run() } }
    }
    try result.get()
  }

  private func takeRoom() -> Bool {
    state.withLock { state in
      guard state.load < Self.mostWaits else { return false }
      state.load += 1
      return true
    }
  }

  /// For one more wait that has to be with this keeper.
  package func makeRoom() { state.withLock { $0.load += 1 } }

  // MARK: Waiting

  /// Announces a wait, for which there is room, that may be withdrawn before it begins. `begin` has to follow.
  package func reserve() -> Ticket {
    state.withLock { state in
      state.lastTicket += 1
      state.announced[state.lastTicket] = false
      return state.lastTicket
    }
  }

  /// Begins a wait.
  package func begin(
    _ ticket: Ticket, _ wait: any KeptWait, until deadline: Deadline, _ completion: @escaping Completion
  ) {
    let isWithdrawn = state.withLock { state in
      guard state.announced.removeValue(forKey: ticket) != true else {
        state.load -= 1
        return true
      }
      state.orders.arrivals.append(
        Arrival(ticket: ticket, wait: wait, deadline: deadline, completion: completion))
      return false
    }
    if isWithdrawn { completion(.withdrawn) } else { bell.ring() }
  }

  /// Ends a wait, if it has not ended.
  package func withdraw(_ ticket: Ticket) {
    state.withLock { state in
      if state.announced[ticket] != nil {
        state.announced[ticket] = true
      } else {
        state.orders.withdrawn.append(ticket)
      }
    }
    bell.ring()
  }

  // MARK: Requests

  /// Has the thread run `body`, which must not wait, soon.
  package func post(_ body: @escaping @Sendable () -> Void) {
    state.withLock { $0.orders.requests.append(body) }
    bell.ring()
  }

  /// The same, and waits for it.
  package func perform(_ body: @escaping @Sendable () -> Void) {
    if isOnThread { return body() }
    let done = Doorbell()
    post {
      body()
      done.ring()
    }
    while done.rings == 0 { done.wait(after: 0) }
  }

  /// Carries out a wait for the calling thread, which blocks until its end.
  package func waitBlocking(_ wait: any KeptWait, until deadline: Deadline) -> Outcome {
    let done = Doorbell()
    let outcome = ForkAwareLock(Outcome.over)
    begin(reserve(), wait, until: deadline) { ended in
      outcome.withLock { $0 = ended }
      done.ring()
    }
    while done.rings == 0 { done.wait(after: 0) }
    return outcome.withLock { $0 }
  }

  private var isOnThread: Bool { threadID.load(ordering: .relaxed) == mp_gettid() }

  // MARK: The thread

  /// A wait as the thread knows it.
  private struct Kept {
    let wait: any KeptWait
    let deadline: Deadline
    let completion: Completion
    /// Why it is to end without its outcome.
    var ending: Outcome?
  }

  private struct Desk {
    var kept: [Ticket: Kept] = [:]
    var book = SleepBook()
  }

  private func run() {
    threadID.store(mp_gettid(), ordering: .releasing)
    var desk = Desk()
    while true {
      let rings = bell.rings
      obey(
        state.withLock { state in
          let orders = state.orders
          state.orders = Orders()
          return orders
        }, at: &desk)
      let awake = desk.book.awake()
      for ticket in awake { advance(ticket, at: &desk) }
      // A step may be another wait's event.
      if awake.isEmpty { sleep(on: desk.book, after: rings) }
    }
  }

  private func obey(_ orders: Orders, at desk: inout Desk) {
    for request in orders.requests { request() }
    for arrival in orders.arrivals {
      desk.kept[arrival.ticket] = Kept(
        wait: arrival.wait, deadline: arrival.deadline, completion: arrival.completion)
      advance(arrival.ticket, at: &desk)
    }
    for ticket in orders.withdrawn where desk.kept[ticket]?.ending == nil {
      desk.kept[ticket]?.ending = .withdrawn
      advance(ticket, at: &desk)
    }
    waits.store(desk.kept.count, ordering: .relaxed)
  }

  /// Takes the wait's next step, and the one that gives it up when its time is over then.
  private func advance(_ ticket: Ticket, at desk: inout Desk) {
    while let kept = desk.kept[ticket] {
      do throws(SystemFailure) {
        switch try kept.ending == nil ? kept.wait.step() : kept.wait.giveUp() {
        case .over: return end(ticket, kept.ending ?? .over, at: &desk)
        case .asleep(let sleep):
          if kept.ending == nil && kept.deadline.hasPassed {
            desk.kept[ticket]?.ending = .outOfTime
            continue
          }
          return desk.book.note(ticket, sleep, until: kept.ending == nil ? kept.deadline : .never)
        }
      } catch {
        return end(ticket, .failed(error), at: &desk)
      }
    }
  }

  private func end(_ ticket: Ticket, _ outcome: Outcome, at desk: inout Desk) {
    desk.book.remove(ticket)
    let kept = desk.kept.removeValue(forKey: ticket)
    waits.store(desk.kept.count, ordering: .relaxed)
    kept?.completion(outcome)
    // Last: until then the wait counts as one that can bring something about.
    state.withLock { $0.load -= 1 }
  }

  /// How long the thread sleeps where it cannot sleep on many words.
  private static let nap = Duration.milliseconds(4)
  /// The kernel's limit, but for the bell.
  private static let mostWords = Int(MP_MOST_WORDS) - 1

  private func sleep(on book: SleepBook, after rings: UInt32) {
    let words = book.words(limit: Self.mostWords).map { mp_word_make($0.word, $0.value, false) }
    // There may be more to look at, of waits that had to be with this keeper.
    let end = words.count < Self.mostWords ? book.earliest : book.earliest.capped(at: Self.nap)
    do throws(SystemFailure) {
      try Syscall.sleep(on: [bell.asWord(after: rings)] + words, until: end)
    } catch {
      // Kernels before 5.16, a filter that does not know the call, or no memory at the moment.
      let look = words.isEmpty ? book.earliest : book.earliest.capped(at: Self.nap)
      bell.wait(after: rings, nanoseconds: look.nanoseconds)
    }
  }
}
