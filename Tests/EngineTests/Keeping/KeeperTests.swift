import CMultiprocessing
import Glibc
import Synchronization
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// The thread that waits for tasks on shared memory.
final class KeeperTests: SyncTestCase {
  /// Sleeps on one word until it is another number than 0.
  private final class WordWait: KeptWait {
    let word: SharedFutex
    let steps = Mailbox()

    init(_ word: SharedFutex) { self.word = word }

    func step() -> KeptStep {
      let seen = word.now
      return seen == 0 ? .asleep(word.sleep(while: seen)) : .over
    }

    func giveUp() -> KeptStep {
      steps.post("given up")
      return .over
    }
  }

  private func word() throws -> (SharedFutex, SharedSegment) {
    let segment = try memory(64)
    return (SharedFutex(at: segment.contents), segment)
  }

  private static func name(_ outcome: Keeper.Outcome) -> String {
    if case .failed(let failure) = outcome { "failed \(failure.errno)" } else { "\(outcome)" }
  }

  private func begin(
    _ keeper: Keeper, _ wait: any KeptWait, until deadline: Deadline = .never, _ outcomes: Mailbox
  ) -> Keeper.Ticket {
    let ticket = keeper.reserve()
    keeper.begin(ticket, wait, until: deadline) { outcomes.post(Self.name($0)) }
    return ticket
  }

  private func untilBegun(_ count: Int) { while Keeper.waitCount < count { sched_yield() } }

  func testAWordThatChangesEndsTheWait() throws {
    let (word, segment) = try word()
    let outcomes = Mailbox()
    let wait = WordWait(word)
    _ = begin(try Keeper.withRoom(), wait, outcomes)
    untilBegun(1)
    word.advance()
    XCTAssertEqual(try outcomes.next(), "over")
    XCTAssertEqual(try wait.steps.waiting(), [])
    withExtendedLifetime(segment) {}
  }

  func testWhatIsThereIsSeenEvenWithoutTime() throws {
    let (word, segment) = try word()
    let outcomes = Mailbox()
    word.advance()
    _ = begin(try Keeper.withRoom(), WordWait(word), until: .now, outcomes)
    XCTAssertEqual(try outcomes.next(), "over")
    withExtendedLifetime(segment) {}
  }

  func testDeadlinesAndWithdrawalsGiveUp() throws {
    let (word, segment) = try word()
    let outcomes = Mailbox()
    let late = WordWait(word)
    _ = begin(try Keeper.withRoom(), late, until: Deadline(after: .milliseconds(5)), outcomes)
    XCTAssertEqual(try outcomes.next(), "outOfTime")
    XCTAssertEqual(try late.steps.next(), "given up")
    let keeper = try Keeper.withRoom()
    let withdrawn = WordWait(word)
    let ticket = begin(keeper, withdrawn, outcomes)
    untilBegun(1)
    keeper.withdraw(ticket)
    XCTAssertEqual(try outcomes.next(), "withdrawn")
    XCTAssertEqual(try withdrawn.steps.next(), "given up")
    keeper.withdraw(ticket)
    word.advance()
    XCTAssertEqual(try outcomes.waiting(), [])
    withExtendedLifetime(segment) {}
  }

  func testOneWithdrawnBeforeItsBeginningTakesNoStep() throws {
    let (word, segment) = try word()
    word.advance()
    let outcomes = Mailbox()
    let keeper = try Keeper.withRoom()
    let ticket = keeper.reserve()
    keeper.withdraw(ticket)
    keeper.begin(ticket, WordWait(word), until: .never) { outcomes.post(Self.name($0)) }
    XCTAssertEqual(try outcomes.next(), "withdrawn")
    withExtendedLifetime(segment) {}
  }

  func testRequestsRunOnTheThread() throws {
    let keeper = try Keeper.withRoom()
    let number = Mailbox()
    for _ in 0..<100 { keeper.perform { number.post("\(mp_gettid())") } }
    let numbers = Set(try number.waiting())
    XCTAssertEqual(numbers.count, 1)
    XCTAssertTrue(Keeper.with(threadID: try XCTUnwrap(numbers.first.flatMap { Int32($0) })) === keeper)
    XCTAssertNil(Keeper.with(threadID: mp_gettid()))
    // What was made room for.
    let (word, segment) = try word()
    word.advance()
    XCTAssertEqual(keeper.waitBlocking(WordWait(word), until: .never), .over)
    withExtendedLifetime(segment) {}
  }

  /// More words than the kernel sleeps on at once.
  func testThereAreMoreKeepersForMoreWaits() throws {
    let count = 350
    let segment = try memory(64 * count)
    let words = (0..<count).map { SharedFutex(at: segment.contents + 64 * $0) }
    let outcomes = Mailbox()
    for (number, word) in words.enumerated() {
      let keeper = try Keeper.withRoom()
      keeper.begin(keeper.reserve(), WordWait(word), until: .never) { _ in outcomes.post("\(number)") }
    }
    untilBegun(count)
    XCTAssertGreaterThanOrEqual(Keeper.count, 4)
    for (number, word) in words.enumerated().reversed() {
      word.advance()
      XCTAssertEqual(try outcomes.next(), "\(number)")
    }
    withExtendedLifetime(segment) {}
  }

  /// Step, deadline and withdrawal at the same time: one of them wins.
  func testEveryWaitOfAStormEndsOnce() throws {
    let outcomes = Mailbox()
    let (threads, rounds) = (4, 200)
    let segment = try memory(64 * threads * rounds)
    let begun = concurrently(threads) { thread -> Int in
      for round in 0..<rounds {
        let word = SharedFutex(at: segment.contents + 64 * (thread * rounds + round))
        guard let keeper = try? Keeper.withRoom() else { return round }
        let ticket = keeper.reserve()
        let deadline = round % 3 == 0 ? Deadline(after: .microseconds(20)) : .never
        keeper.begin(ticket, WordWait(word), until: deadline) { outcomes.post(Self.name($0)) }
        if round % 2 == 0 { word.advance() }
        keeper.withdraw(ticket)
      }
      return rounds
    }
    XCTAssertEqual(begun, Array(repeating: rounds, count: threads))
    for _ in 0..<rounds * threads { _ = try outcomes.next() }
    XCTAssertEqual(try outcomes.waiting(), [])
    withExtendedLifetime(segment) {}
  }

  #if DEBUG
    // MARK: Systems that lack something

    /// In a child of its own, whose calls alone fail: kernels before 5.16 do not know the call, and filters forbid it.
    func testWithoutTheCallItLooksNowAndThen() throws {
      for error in [ENOSYS, EPERM, ENOMEM] {
        let (word, segment) = try word()
        let (other, otherSegment) = try self.word()
        let child = try start {
          let keeper = try Keeper.withRoom()
          let outcomes = Mailbox()
          mp_fault_arm(MP_SIDE_CHILD, 0, error, .max)
          keeper.begin(keeper.reserve(), WordWait(word), until: .never) { outcomes.post(Self.name($0)) }
          keeper.makeRoom()
          let ticket = keeper.reserve()
          keeper.begin(ticket, WordWait(other), until: .never) { outcomes.post(Self.name($0)) }
          while Keeper.waitCount < 2 || !mp_fault_struck() { sched_yield() }
          // Nobody is woken by this: it has to be seen.
          segment.contents.assumingMemoryBound(to: UInt32.self).pointee = 1
          guard try outcomes.next() == "over" else { throw Unexpected() }
          keeper.withdraw(ticket)
          let isWithdrawn = try outcomes.next() == "withdrawn"
          mp_fault_disarm()
          guard isWithdrawn else { throw Unexpected() }
        }
        try finish(child, "a keeper whose sleep fails with \(error)")
        withExtendedLifetime((segment, otherSegment)) {}
      }
    }

    func testWithoutAThreadTheNextOneTriesAgain() throws {
      let (word, segment) = try word()
      word.advance()
      let child = try start {
        mp_fault_arm(MP_SIDE_CHILD, 0, EAGAIN, 1)
        do throws(SystemFailure) {
          _ = try Keeper.withRoom()
          throw SystemFailure("fail", errno: 0)
        } catch {
          guard error.errno == EAGAIN else { throw Unexpected() }
        }
        guard Keeper.count == 0 else { throw Unexpected() }
        guard try Keeper.withRoom().waitBlocking(WordWait(word), until: .never) == .over else { throw Unexpected() }
      }
      try finish(child, "a keeper that gets no thread")
      withExtendedLifetime(segment) {}
    }
  #endif

  // MARK: Processes

  /// In a child the parent's are not there, and it can have its own, while the parent's wait goes on.
  func testAChildHasItsOwn() throws {
    let (word, segment) = try word()
    let (other, otherSegment) = try self.word()
    let outcomes = Mailbox()
    _ = begin(try Keeper.withRoom(), WordWait(word), outcomes)
    untilBegun(1)
    for _ in 0..<20 {
      let child = try start {
        guard Keeper.count == 0, Keeper.waitCount == 0 else { throw Unexpected() }
        let keeper = try Keeper.withRoom()
        let own = Mailbox()
        keeper.begin(keeper.reserve(), WordWait(other), until: Deadline(after: .milliseconds(1))) {
          own.post(Self.name($0))
        }
        guard try own.next() == "outOfTime", Keeper.count == 1 else { throw Unexpected() }
      }
      try finish(child, "a child with a wait of its own")
    }
    word.advance()
    XCTAssertEqual(try outcomes.next(), "over")
    withExtendedLifetime((segment, otherSegment)) {}
  }

  /// A mutex that it sleeps on is handed to it: by whoever lets go of it, and by the kernel when the holder is killed.
  func testALockThatAnotherProcessHolds() throws {
    for isKilled in [false, true] {
      let segment = try SharedSegment.make(
        SegmentLabel(kind: "test"), capacity: OwnedLock.size, reserved: OwnedLock.size, holdingMutex: true)
      let lock = try OwnedLock.make(at: segment.contents)
      let (taken, letGo) = (Flag(), Gate())
      let child = try start {
        guard lock.take() else { throw Unexpected() }
        taken.raise()
        letGo.pass()
        guard lock.release() == .released else { throw Unexpected() }
      }
      while !taken.isRaised { usleep(1000) }
      let outcomes = Mailbox()
      _ = begin(try Keeper.withRoom(), LockWait(lock, of: segment), outcomes)
      untilBegun(1)
      XCTAssertEqual(try outcomes.waiting(), [])
      if isKilled { try end(child, killing: true) } else { letGo.open() }
      XCTAssertEqual(try outcomes.next(), "over")
      XCTAssertEqual(lock.previousOwnerDied, isKilled)
      XCTAssertTrue(lock.isKept)
      XCTAssertFalse(lock.isHeldByThisThread)
      XCTAssertEqual(try lock.tryAcquire(), false)
      XCTAssertEqual(lock.release(), .released)
      XCTAssertEqual(lock.release(), .notHeld)
      if !isKilled { try finish(child, "the holder") }
    }
  }

  private struct Unexpected: Error {}
}
