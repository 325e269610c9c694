import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

#if DEBUG
  /// A process dies ahead of each write of an operation that others sleep for, or in its own sleep. Whoever is to wake up by what
  /// the dead has done wakes up, and by nothing else.
  final class QueueSleeperKillTests: AuditedTestCase {
    override var patience: Double { 300 }

    /// Calls `body` with 0, 1, 2 … until it says that the victim has survived.
    private func atEachWrite(line: UInt = #line, _ body: (_ nth: Int32) throws -> Bool) throws {
      for nth: Int32 in 0..<200 where try body(nth) {
        XCTAssertGreaterThan(nth, 3, "nothing was written", line: line)
        return
      }
      XCTFail("it never survives", line: line)
    }

    /// Whether it survived.
    private func isSurvivor(_ victim: ChildProcess, line: UInt = #line) throws -> Bool {
      XCTAssertTrue(try victim.wait(until: Deadline(after: .seconds(20))), "the victim hangs", line: line)
      let termination = try victim.statusIfEnded()?.termination
      XCTAssertTrue([.exited(0), .signaled(SIGKILL)].contains(termination), "\(termination as Any)", line: line)
      return termination == .exited(0)
    }

    private func startSleepers(
      _ ground: QueueGround, _ count: Int, _ start: (_ place: Int) throws -> ChildProcess
    ) throws -> [ChildProcess] {
      try (1...count).map { place in
        let child = try start(place)
        ground.awaitSleep(child)
        return child
      }
    }

    private func notes(_ ground: QueueGround, _ count: Int) -> Set<Int> { Set((1...count).map(ground.note)) }

    // MARK: Those who put die, those who get sleep

    private func checkPut(length: Int) throws {
      try atEachWrite { nth in
        let ground = try QueueGround()
        let getters = try startSleepers(ground, 2) { try ground.startGetter(noting: $0) }
        let survived = try isSurvivor(ground.startVictim(dyingAt: nth) { try $0.put(7, length: length) })
        let isCommitted = ground.putCount == 1
        if isCommitted {
          XCTAssertTrue(eventually { self.notes(ground, 2) == [7, 0] }, "asleep beside an element; kill \(nth)")
        }
        XCTAssertTrue(isCommitted || !survived)
        ground.end(try ground.start { for number in [8, 9] { try ground.put(number) } })
        for getter in getters { ground.end(getter, "kill \(nth)") }
        XCTAssertEqual(notes(ground, 2), isCommitted ? [7, 8] : [8, 9], "kill \(nth)")
        try ground.examine(holding: isCommitted ? [[9]] : [[]])
        return survived
      }
    }

    func testPut() throws { try checkPut(length: 8) }
    func testAPutThatNeedsABlock() throws { try checkPut(length: 5 << 20) }

    /// The victim is the one that sleeps, and another waits behind it.
    func testASleepingGetterDies() throws {
      try atEachWrite { nth in
        let ground = try QueueGround()
        let victim = try ground.startVictim(dyingAt: nth) { ground in ground.setNote(9, try ground.get()) }
        XCTAssertTrue(eventually { isAsleepOnFutex(victim.pid) || !isRunning(victim.pid) })
        let getters = try startSleepers(ground, 2) { try ground.startGetter(noting: $0) }
        ground.end(try ground.start { for number in [7, 8, 9] { try ground.put(number) } })
        let survived = try isSurvivor(victim)
        for getter in getters { ground.end(getter, "kill \(nth)") }
        XCTAssertTrue(ground.gotCount == 2 || ground.gotCount == 3)
        if survived { XCTAssertEqual(notes(ground, 2).union([ground.note(9)]), [7, 8, 9]) }
        let got = notes(ground, 2)
        XCTAssertTrue(got.count == 2 && got.isSubset(of: [7, 8, 9]), "\(got)")
        if ground.gotCount == 2 { XCTAssertEqual(got, [7, 8], "kill \(nth)") }
        try ground.examine(holding: ground.gotCount == 2 ? [[9]] : [[]])
        return survived
      }
    }

    // MARK: Those who get die, those who put sleep

    func testAGetFromAFullQueue() throws {
      for tries in [false, true] {
        try atEachWrite { nth in
          let ground = try QueueGround(capacity: 1, holding: [1])
          let putters = try startSleepers(ground, 2) { try ground.startPutter($0 + 1, noting: $0) }
          let survived = try isSurvivor(
            ground.startVictim(dyingAt: nth) { _ = tries ? try $0.tryGet() : try $0.get() })
          let isCommitted = ground.gotCount == 1
          XCTAssertTrue(isCommitted || !survived)
          if isCommitted {
            XCTAssertTrue(eventually { self.notes(ground, 2).count == 2 }, "asleep beside room; kill \(nth)")
          }
          var got: [Int] = []
          for _ in isCommitted ? 0..<2 : 0..<3 { got.append(try ground.get(until: Deadline(after: .seconds(20)))) }
          for putter in putters { ground.end(putter, "kill \(nth)") }
          XCTAssertEqual(got.suffix(2).sorted(), [2, 3])
          XCTAssertEqual(Array(got.dropLast(2)), isCommitted ? [] : [1])
          try ground.examine(holding: [[]])
          return survived
        }
      }
    }

    func testASleepingPutterDies() throws {
      try atEachWrite { nth in
        let ground = try QueueGround(capacity: 1, holding: [1])
        let victim = try ground.startVictim(dyingAt: nth) { try $0.put(7) }
        XCTAssertTrue(eventually { isAsleepOnFutex(victim.pid) || !isRunning(victim.pid) })
        let putters = try startSleepers(ground, 2) { try ground.startPutter($0 + 1, noting: $0) }
        var got: [Int] = []
        for _ in 0..<3 { got.append(try ground.get(until: Deadline(after: .seconds(20)))) }
        let survived = try isSurvivor(victim)
        for putter in putters {
          // The victim's element may have taken the last of the room.
          if try !putter.wait(until: Deadline(after: .milliseconds(20))), let number = try ground.tryGet() {
            got.append(number)
          }
          ground.end(putter, "kill \(nth)")
        }
        while let number = try ground.tryGet() { got.append(number) }
        XCTAssertEqual(got.first, 1)
        XCTAssertTrue([[1, 2, 3], [1, 2, 3, 7]].contains(got.sorted()), "\(got)")
        XCTAssertTrue(got.contains(7) || !survived)
        try ground.examine(holding: [[]])
        return survived
      }
    }

    // MARK: Closing and tasks

    func testCloseWithSleepingGetters() throws {
      try atEachWrite { nth in
        let ground = try QueueGround()
        let getters = try startSleepers(ground, 2) { try ground.startGetter(noting: $0) }
        let survived = try isSurvivor(ground.startVictim(dyingAt: nth) { try $0.queue.close() })
        let isClosed = ground.queue.isClosed
        XCTAssertTrue(isClosed || !survived)
        if !isClosed { for number in [7, 8] { try ground.put(number) } }
        for getter in getters { ground.end(getter, "kill \(nth)") }
        XCTAssertEqual(notes(ground, 2), isClosed ? [QueueGround.closed] : [7, 8])
        try ground.examine(holding: [[]])
        return survived
      }
    }

    func testCloseWithSleepingPutters() throws {
      try atEachWrite { nth in
        let ground = try QueueGround(capacity: 1, holding: [1])
        let putters = try startSleepers(ground, 2) { try ground.startPutter($0 + 1, noting: $0) }
        let survived = try isSurvivor(ground.startVictim(dyingAt: nth) { try $0.queue.close() })
        let isClosed = ground.queue.isClosed
        XCTAssertTrue(isClosed || !survived)
        if !isClosed { for _ in 0..<2 { _ = try ground.get() } }
        for putter in putters { ground.end(putter, "kill \(nth)") }
        XCTAssertEqual(notes(ground, 2), isClosed ? [QueueGround.closed] : [2, 3])
        try ground.examine(holding: isClosed ? [[1]] : [[2], [3]])
        return survived
      }
    }

    func testTheLastTaskIsDone() throws {
      try atEachWrite { nth in
        let ground = try QueueGround(holding: [1])
        let joiners = try startSleepers(ground, 2) { _ in try ground.startJoiner() }
        let survived = try isSurvivor(ground.startVictim(dyingAt: nth) { _ = try $0.queue.tasks.done() })
        // Where the dead has done it, it cannot be done again, and the joiners have to know.
        if survived { XCTAssertFalse(try ground.queue.tasks.done()) } else { _ = try ground.queue.tasks.done() }
        for joiner in joiners { ground.end(joiner, "kill \(nth)") }
        try ground.examine(holding: [[1]])
        return survived
      }
    }

    func testASleepingJoinerDies() throws {
      try atEachWrite { nth in
        let ground = try QueueGround(holding: [1])
        let victim = try ground.startVictim(dyingAt: nth) { _ = try $0.queue.tasks.join(until: .never) }
        XCTAssertTrue(eventually { isAsleepOnFutex(victim.pid) || !isRunning(victim.pid) })
        let joiners = try startSleepers(ground, 1) { _ in try ground.startJoiner() }
        XCTAssertTrue(try ground.queue.tasks.done())
        for joiner in joiners { ground.end(joiner, "kill \(nth)") }
        let survived = try isSurvivor(victim)
        try ground.examine(holding: [[1]])
        return survived
      }
    }
  }
#endif
