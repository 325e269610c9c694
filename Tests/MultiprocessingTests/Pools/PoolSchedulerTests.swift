import XCTest

@testable import Multiprocessing

/// The scheduler alone: what it asks for after what happened.
final class PoolSchedulerTests: XCTestCase {
  private final class Load: PoolWork {
    let name: String
    var isAbandoned = false
    var isDropped: Bool { isAbandoned }
    var waiting = 0
    init(_ name: String) { self.name = name }
  }

  private typealias Scheduler = PoolScheduler<Load, Int>

  private var scheduler = Scheduler(.init(processes: 2))

  private func slice(_ name: String, _ count: Int = 1, function: Int = 0, isAsync: Bool = false, expected: Int? = nil)
    -> PoolSlice<Load>
  {
    PoolSlice(load: Load(name), items: 0..<count, function: function, isAsync: isAsync, expected: expected)
  }

  /// Carries out all steps, and tells them.
  private func steps() -> [String] {
    var told: [String] = []
    while let step = scheduler.nextStep() {
      switch step {
      case .send(let place, let slice):
        scheduler.sent(place, slice, 0)
        told.append("\(slice.load.name)\(slice.items) to \(place)")
      case .start(let place, let isAsync): told.append("start \(place)\(isAsync ? " async" : "")")
      case .retire(let place): told.append("retire \(place)")
      case .withdraw(let place, let index, _):
        scheduler.withdrawn(place, index, true)
        told.append("withdraw from \(place)")
      }
    }
    return told
  }

  private func end(_ place: Int) {
    let sent = scheduler.workers[place]!.sent[0]
    XCTAssertNotNil(scheduler.answered(place, sent.slice.items.count - sent.done))
    scheduler.ended(place)
  }

  override func setUp() {
    scheduler = Scheduler(.init(processes: 2))
    scheduler.functions = 1
  }

  /// Two workers that are ready.
  private func staff(_ policy: Scheduler.Policy = .init(processes: 2)) {
    scheduler = Scheduler(policy)
    scheduler.functions = 1
    for name in ["x", "y"] { scheduler.add(slice(name)) }
    XCTAssertEqual(steps(), ["start 0", "start 1"])
    for place in [0, 1] { scheduler.ready(place) }
    XCTAssertEqual(steps(), ["x0..<1 to 0", "y0..<1 to 1"])
    for place in [0, 1] { end(place) }
    XCTAssertTrue(scheduler.isDrained)
  }

  func testWorkersAreStartedAsThereIsWork() {
    XCTAssertEqual(steps(), [])
    scheduler.add(slice("a"))
    XCTAssertEqual(steps(), ["start 0"])
    scheduler.add(slice("b"))
    scheduler.add(slice("c"))
    XCTAssertEqual(steps(), ["start 1"])
    scheduler.ready(1)
    XCTAssertEqual(steps(), ["a0..<1 to 1", "b0..<1 to 1"])
    scheduler.ready(0)
    XCTAssertEqual(steps(), ["c0..<1 to 0"])
    end(1)
    end(1)
    end(0)
    XCTAssertTrue(scheduler.isDrained)
  }

  func testTinySlicesGoAheadOfTime() {
    staff()
    for number in 0..<300 { scheduler.add(slice("\(number)", expected: 10)) }
    _ = steps()
    XCTAssertEqual(scheduler.queue.count, 300 - 2 * 128)
    XCTAssertEqual(scheduler.workers[0]!.sent.count, 128)
    end(0)
    XCTAssertEqual(steps(), ["2560..<1 to 0"])
  }

  func testLongOnesGoTwoAtMostAndComeBack() {
    staff()
    for name in ["a", "b", "c", "d", "e"] { scheduler.add(slice(name, expected: 1_000_000)) }
    XCTAssertEqual(steps(), ["a0..<1 to 0", "b0..<1 to 1", "c0..<1 to 0", "d0..<1 to 1"])
    end(1)
    end(1)
    XCTAssertEqual(steps(), ["e0..<1 to 1"])
    end(1)
    XCTAssertEqual(steps(), ["withdraw from 0", "c0..<1 to 1"])
    end(0)
    // The worker passes over what was taken back.
    XCTAssertEqual(scheduler.ended(0)?.done, 0)
    end(1)
    XCTAssertTrue(scheduler.isDrained)
  }

  func testWhatWaitsBehindAStuckOneGoesElsewhere() {
    staff()
    for number in 0..<6 { scheduler.add(slice("\(number)", expected: 10)) }
    _ = steps()
    XCTAssertFalse(scheduler.mayBeStuck)
    for _ in 0..<3 { end(1) }
    XCTAssertTrue(scheduler.mayBeStuck)
    XCTAssertEqual(steps(), [])
    scheduler.noteStuck()
    XCTAssertEqual(steps(), [])
    scheduler.noteStuck()
    XCTAssertFalse(scheduler.mayBeStuck)
    XCTAssertEqual(steps(), ["withdraw from 0", "40..<1 to 1"])
    end(1)
    XCTAssertEqual(steps().first, "withdraw from 0")
  }

  func testTinyOnesBehindAnUnknownOneGoElsewhere() {
    staff()
    scheduler.add(slice("long"))
    scheduler.add(slice("a", expected: 10))
    scheduler.add(slice("b", expected: 10))
    XCTAssertEqual(steps(), ["long0..<1 to 0", "a0..<1 to 1", "b0..<1 to 1"])
    scheduler.add(slice("c", expected: 1_000_000))
    scheduler.add(slice("d", expected: 10))
    XCTAssertEqual(steps(), ["c0..<1 to 1", "d0..<1 to 0"])
    for _ in 0..<3 { end(1) }
    XCTAssertEqual(steps(), ["withdraw from 0", "d0..<1 to 1"])
  }

  func testANewFunctionReplacesIdleWorkers() {
    staff()
    scheduler.functions = 2
    for name in ["a", "b"] { scheduler.add(slice(name, function: 1)) }
    XCTAssertEqual(steps(), ["retire 0", "start 2", "retire 1", "start 3"])
    scheduler.ready(2)
    XCTAssertEqual(steps(), ["a0..<1 to 2"])
    for place in [0, 1] { XCTAssertNil(scheduler.died(place, hasBegun: false)?.victim) }
    scheduler.ready(3)
    XCTAssertEqual(steps(), ["b0..<1 to 3"])
  }

  func testABusyWorkerIsNotReplaced() {
    staff()
    for name in ["a", "b"] { scheduler.add(slice(name)) }
    _ = steps()
    scheduler.functions = 2
    scheduler.add(slice("c", function: 1))
    XCTAssertEqual(steps(), [])
    end(1)
    XCTAssertEqual(steps(), ["retire 1", "start 2"])
  }

  func testAnAsyncFunctionTakesAnAsyncWorker() {
    staff()
    scheduler.add(slice("a", isAsync: true))
    XCTAssertEqual(steps(), ["retire 0", "start 2 async"])
    scheduler.ready(2)
    scheduler.add(slice("b"))
    XCTAssertEqual(steps(), ["a0..<1 to 2", "b0..<1 to 1"])
  }

  func testADeathTakesOneItem() {
    staff()
    scheduler.add(slice("a", 5))
    scheduler.add(slice("b", 5))
    scheduler.add(slice("c", 5))
    XCTAssertEqual(steps(), ["a0..<5 to 0", "b0..<5 to 1", "c0..<5 to 0"])
    XCTAssertEqual(scheduler.answered(0, 2)?.item, 0)
    let death = scheduler.died(0, hasBegun: true)
    XCTAssertEqual(death?.victim?.item, 2)
    XCTAssertEqual(death?.victim?.slice.load.name, "a")
    // What is left of it, and what had waited behind it, goes on elsewhere.
    XCTAssertEqual(steps(), ["start 0", "a3..<5 to 1"])
    scheduler.ready(0)
    XCTAssertEqual(steps(), ["c0..<5 to 0"])
  }

  func testADeathBetweenSlicesTakesNothing() {
    staff()
    scheduler.add(slice("a", 2))
    _ = steps()
    XCTAssertNil(scheduler.died(0, hasBegun: false)?.victim)
    XCTAssertEqual(steps(), ["a0..<2 to 1"])
    XCTAssertEqual(scheduler.answered(1, 2)?.item, 0)
    XCTAssertNil(scheduler.died(1, hasBegun: true)?.victim)
    XCTAssertTrue(scheduler.isDrained && !scheduler.hasWorkers)
  }

  func testRetriesAreCounted() throws {
    staff(.init(processes: 2, retries: 2))
    scheduler.add(slice("a", 3))
    _ = steps()
    XCTAssertEqual(scheduler.answered(0, 1)?.item, 0)
    for attempt in 0..<3 {
      let place = try XCTUnwrap(
        scheduler.workers.firstIndex { $0.map { !$0.sent.isEmpty && $0.sent[0].slice.items.contains(1) } ?? false })
      let victim = try XCTUnwrap(scheduler.died(place, hasBegun: true)?.victim)
      XCTAssertEqual(victim.item, 1)
      XCTAssertEqual(scheduler.retry(victim), attempt < 2)
      _ = steps()
      for place in scheduler.workers.indices { scheduler.ready(place) }
      _ = steps()
    }
  }

  func testAWorkerThatLeavesGivesBackTheRest() {
    staff(.init(processes: 2, mostSent: 1))
    scheduler.add(slice("a", 4))
    _ = steps()
    XCTAssertEqual(scheduler.answered(0, 3)?.item, 0)
    XCTAssertEqual(scheduler.ended(0)?.slice.load.name, "a")
    scheduler.retire(0)
    XCTAssertEqual(steps(), ["a3..<4 to 1"])
  }

  func testAFullLaneGetsItLater() {
    staff()
    scheduler.add(slice("a"))
    scheduler.add(slice("b"))
    _ = steps()
    scheduler.add(slice("c"))
    guard case .send(let place, let slice) = scheduler.nextStep() else { return XCTFail("nothing is sent") }
    scheduler.refused(place, slice)
    XCTAssertEqual(steps(), ["c0..<1 to \(1 - place)"])
    end(place)
    XCTAssertFalse(scheduler.workers[place]!.isFull)
  }

  func testNothingIsStartedWhileStartsAreHeld() {
    scheduler.add(slice("a"))
    scheduler.startsAreHeld = true
    XCTAssertEqual(steps(), [])
    scheduler.startsAreHeld = false
    XCTAssertEqual(steps(), ["start 0"])
  }

  func testWhatNobodyWantsDoesNotComeBack() {
    staff()
    let unwanted = slice("a", 3)
    scheduler.add(unwanted)
    _ = steps()
    unwanted.load.isAbandoned = true
    _ = scheduler.died(0, hasBegun: true)
    XCTAssertTrue(scheduler.isDrained)
  }
}
