import Glibc
import Multiprocessing
import Synchronization
import TestSupport
import XCTest

final class SharedAtomicTests: AuditedTestCase {
  private enum Stage: Int, SharedAtomicValue {
    case waiting, running, done

    var atomicBits: UInt64 { UInt64(rawValue) }
    init(atomicBits: UInt64) { self = Stage(rawValue: Int(atomicBits)) ?? .waiting }
  }

  func testEveryOperationOfEveryInteger() throws {
    func check<T: SharedAtomicInteger & Codable>(_ type: T.Type) throws {
      let atomic = try SharedAtomic(T.max)
      XCTAssertEqual(atomic.load(), .max)
      XCTAssertEqual(atomic.add(1), .min, "wraps around")
      XCTAssertEqual(atomic.add(0 &- 1), .max)
      XCTAssertEqual(atomic.exchange(7), .max)
      var answer = atomic.compareExchange(expected: 8, desired: 1)
      XCTAssertFalse(answer.exchanged)
      XCTAssertEqual(answer.original, 7)
      answer = atomic.compareExchange(expected: 7, desired: .min)
      XCTAssertTrue(answer.exchanged)
      XCTAssertEqual(answer.original, 7)
      XCTAssertEqual(atomic.load(), .min)
      atomic.store(3)
      XCTAssertEqual(atomic.add(4), 7)
      XCTAssertTrue(atomic.compareExchange(expected: 7, desired: 0).exchanged)
    }
    try check(Int.self)
    try check(Int8.self)
    try check(Int16.self)
    try check(Int32.self)
    try check(Int64.self)
    try check(UInt.self)
    try check(UInt8.self)
    try check(UInt16.self)
    try check(UInt32.self)
    try check(UInt64.self)
  }

  func testEveryOrdering() throws {
    let atomic = try SharedAtomic(0)
    for ordering in [.relaxed, .releasing, .sequentiallyConsistent] as [SharedAtomic<Int>.StoreOrdering] {
      atomic.store(1, ordering: ordering)
    }
    for ordering in [.relaxed, .acquiring, .sequentiallyConsistent] as [SharedAtomic<Int>.LoadOrdering] {
      XCTAssertEqual(atomic.load(ordering: ordering), 1)
    }
    let updates: [SharedAtomic<Int>.UpdateOrdering] = [
      .relaxed, .acquiring, .releasing, .acquiringAndReleasing, .sequentiallyConsistent,
    ]
    for (count, ordering) in updates.enumerated() {
      XCTAssertEqual(atomic.add(1, ordering: ordering), count + 2)
      XCTAssertEqual(atomic.exchange(-1, ordering: ordering), count + 2)
      XCTAssertFalse(atomic.compareExchange(expected: 0, desired: 5, ordering: ordering).exchanged)
      XCTAssertTrue(atomic.compareExchange(expected: -1, desired: count + 2, ordering: ordering).exchanged)
    }
    // Beside the names of Synchronization, which this file imports too.
    let local = Atomic(1)
    XCTAssertEqual(local.load(ordering: .acquiring), 1)
    XCTAssertEqual(atomic.load(ordering: .acquiring), 6)
  }

  func testBooleansAndEnums() throws {
    let flag = try SharedAtomic(false)
    XCTAssertFalse(flag.exchange(true))
    XCTAssertTrue(flag.load())
    XCTAssertTrue(flag.compareExchange(expected: true, desired: false).exchanged)
    let stage = try SharedAtomic(Stage.running)
    XCTAssertEqual(stage.compareExchange(expected: .running, desired: .done).original, .running)
    XCTAssertEqual(stage.load(), .done)
  }

  func testProcessesAndThreadsCountTogether() throws {
    let (count, ready) = (try SharedAtomic<UInt32>(0), try SharedAtomic(false))
    let children = (0..<3).map { _ in
      Process(
        target: { (count: SharedAtomic<UInt32>, ready: SharedAtomic<Bool>) in
          while !ready.load() { sched_yield() }
          for _ in 0..<50_000 { count.add(1, ordering: .relaxed) }
        }, args: (count, ready))
    }
    for child in children { try child.start() }
    ready.store(true)
    _ = concurrently(2) { _ in for _ in 0..<50_000 { count.add(1) } }
    for child in children { try child.join() }
    XCTAssertEqual(count.load(), 250_000)
  }

  func testWhatIsReleasedIsSeenByWhoAcquires() throws {
    let data = try SharedArray(count: 64, repeating: 0)
    let turn = try SharedAtomic(0)
    let rounds = 20_000
    let child = Process {
      var torn = 0
      for round in 1...rounds {
        while turn.load(ordering: .acquiring) != round { sched_yield() }
        torn += data.count { $0 != round }
        turn.store(-round, ordering: .releasing)
      }
      return torn
    }
    try child.start()
    for round in 1...rounds {
      for index in data.indices { data[index] = round }
      turn.store(round, ordering: .releasing)
      while turn.load(ordering: .acquiring) != -round {
        guard child.isAlive else { return XCTFail("the child has ended") }
        sched_yield()
      }
    }
    XCTAssertEqual(try child.result(), 0)
  }
}
