import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// The thread that waits for tasks, asked without any task.
final class ReactorTests: AuditedTestCase {
  private static func word(_ outcome: Reactor.Outcome) -> String {
    if case .failed(let failure) = outcome { "failed \(failure.errno)" } else { "\(outcome)" }
  }

  private func begin(
    _ reactor: Reactor, for descriptors: [Int32], until deadline: Deadline = .never, _ outcomes: Mailbox
  ) -> Reactor.Ticket {
    let ticket = reactor.reserve()
    reactor.begin(ticket, for: descriptors, until: deadline) { outcomes.post(Self.word($0)) }
    return ticket
  }

  func testThereIsOneInAProcess() throws {
    let first = try Reactor.current()
    XCTAssert(concurrently(8) { _ in try? Reactor.current() }.allSatisfy { $0 === first })
  }

  func testAByteEndsTheWaitOfAllItsWaitersAndIsLeftThere() throws {
    let reactor = try Reactor.current()
    let pipe = TestPipe()
    let outcomes = Mailbox()
    for _ in 0..<3 { _ = begin(reactor, for: [pipe.reader], outcomes) }
    pipe.write([7])
    XCTAssertEqual(try (0..<3).map { _ in try outcomes.next() }, ["ready", "ready", "ready"])
    var byte: UInt8 = 0
    pipe.read(&byte)
    XCTAssertEqual(byte, 7)
  }

  func testDeadlinesComeInTheirOrder() throws {
    let reactor = try Reactor.current()
    let pipe = TestPipe()
    let order = Mailbox()
    for number in [3, 1, 2] {
      reactor.begin(
        reactor.reserve(), for: [pipe.reader], until: Deadline(after: .milliseconds(40 * number))
      ) { outcome in order.post("\(outcome) \(number)") }
    }
    XCTAssertEqual(try (0..<3).map { _ in try order.next() }, ["outOfTime 1", "outOfTime 2", "outOfTime 3"])
  }

  func testADeadlineThatHasPassed() throws {
    let outcomes = Mailbox()
    _ = begin(try Reactor.current(), for: [], until: .now, outcomes)
    XCTAssertEqual(try outcomes.next(), "outOfTime")
  }

  func testAWithdrawnWaitEndsAtOnceAndOnce() throws {
    let reactor = try Reactor.current()
    let pipe = TestPipe()
    let outcomes = Mailbox()
    let ticket = begin(reactor, for: [pipe.reader], outcomes)
    reactor.withdraw(ticket)
    XCTAssertEqual(try outcomes.next(), "withdrawn")
    reactor.withdraw(ticket)
    pipe.write([1])
    let other = begin(reactor, for: [pipe.reader], outcomes)
    XCTAssertEqual(try outcomes.next(), "ready")
    reactor.withdraw(other)
    XCTAssertEqual(try outcomes.waiting(), [])
  }

  func testOneWithdrawnBeforeItsBeginning() throws {
    let reactor = try Reactor.current()
    let pipe = TestPipe()
    let outcomes = Mailbox()
    let ticket = reactor.reserve()
    reactor.withdraw(ticket)
    reactor.begin(ticket, for: [pipe.reader], until: .never) { outcomes.post(Self.word($0)) }
    XCTAssertEqual(try outcomes.next(), "withdrawn")
  }

  func testADescriptorThatCannotBeWaitedForFailsItsWaitAlone() throws {
    let reactor = try Reactor.current()
    let pipe = TestPipe()
    let outcomes = Mailbox()
    let failures = Mailbox()
    _ = begin(reactor, for: [pipe.reader], outcomes)
    _ = begin(reactor, for: [pipe.reader, 1_000_000], failures)
    XCTAssertEqual(try failures.next(), "failed \(EBADF)")
    pipe.write([1])
    XCTAssertEqual(try outcomes.next(), "ready")
  }

  /// Completion, deadline and withdrawal at the same time: one of them wins.
  func testEveryWaitOfAStormEndsOnce() throws {
    let reactor = try Reactor.current()
    let outcomes = Mailbox()
    let rounds = 200
    let threads = 4
    let counts = concurrently(threads) { number in
      let pipe = TestPipe()
      for round in 0..<rounds {
        let ticket = reactor.reserve()
        let deadline = round % 3 == 0 ? Deadline(after: .microseconds(20)) : .never
        reactor.begin(ticket, for: [pipe.reader], until: deadline) { outcomes.post(Self.word($0)) }
        pipe.write([1])
        reactor.withdraw(ticket)
        var byte: UInt8 = 0
        pipe.read(&byte)
      }
      return number
    }
    XCTAssertEqual(counts.count, threads)
    for _ in 0..<rounds * threads { _ = try outcomes.next() }
    XCTAssertEqual(try outcomes.waiting(), [])
  }

  // MARK: Processes

  /// In a child the parent's is not there, its descriptors neither, and the child can have one of its own.
  func testAChildHasItsOwnFromItsFirstWaitOn() throws {
    let reactor = try Reactor.current()
    let pipe = TestPipe()
    let outcomes = Mailbox()
    _ = begin(reactor, for: [pipe.reader], outcomes)
    // Dispatch has some as well.
    let count = Self.readinessSets()
    let bytes = try inChild {
      let before = Self.readinessSets()
      let own = try Reactor.current()
      let done = Mailbox()
      let ticket = own.reserve()
      own.begin(ticket, for: [], until: .now) { done.post(Self.word($0)) }
      let isRight = try done.next() == "outOfTime" && own !== reactor
      return [UInt8(before), UInt8(Self.readinessSets()), isRight ? 1 : 0]
    }
    XCTAssertEqual(bytes, [UInt8(count - 1), UInt8(count), 1])
    pipe.write([1])
    XCTAssertEqual(try outcomes.next(), "ready")
  }

  /// What `body` answers in a child; empty when it throws.
  private func inChild(_ body: @escaping () throws -> [UInt8]) throws -> [UInt8] {
    let request = StartRequest(record: [], survivesParent: false) { _ in .value((try? body()) ?? []) }
    let child = try ForkMethod().start(request)
    XCTAssertTrue(try child.wait(until: Deadline(after: .seconds(60))))
    let value = try XCTUnwrap(try child.report().value)
    return withExtendedLifetime(value) { Array(value.bytes) }
  }

  private static func readinessSets() -> Int {
    (0..<4096).count { number in
      var buffer = [CChar](repeating: 0, count: 64)
      let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count - 1)
      return length > 0 && String(decoding: buffer[..<length].map(UInt8.init), as: UTF8.self).contains("eventpoll")
    }
  }

  #if DEBUG
    /// In a child of its own, where no reactor has begun.
    func testAReactorThatCannotBeginFailsTheWaitAndTheNextOneTriesAgain() throws {
      let bytes = try inChild {
        var errors: [UInt8] = []
        let before = Self.readinessSets()
        for call in 0..<4 {
          mp_fault_arm(MP_SIDE_CHILD, Int32(call), EMFILE, 1)
          do throws(SystemFailure) {
            _ = try Reactor.current()
            errors.append(0)
          } catch {
            errors.append(UInt8(error.errno))
          }
          mp_fault_disarm()
          if Self.readinessSets() > before { errors.append(255) }
        }
        _ = try Reactor.current()
        return errors + [UInt8(Self.readinessSets() - before)]
      }
      XCTAssertEqual(bytes, [UInt8](repeating: UInt8(EMFILE), count: 4) + [1])
    }
  #endif
}
