import XCTest

@testable import MultiprocessingEngine

/// Who waits for what, without a thread or a descriptor.
final class WaitTableTests: XCTestCase {
  private typealias Table = WaitTable<String>

  private func begin(
    _ table: inout Table, _ waiter: String, for descriptors: [Int32], until deadline: Deadline = .never
  ) -> (ticket: UInt64, watched: Set<Int32>?) {
    let ticket = table.reserve()
    return (ticket, table.begin(ticket, for: descriptors, until: deadline, waiter).map(Set.init))
  }

  func testADescriptorIsWatchedFromItsFirstWaiterToItsLast() {
    var table = Table()
    let first = begin(&table, "first", for: [3])
    XCTAssertEqual(first.watched, [3])
    let second = begin(&table, "second", for: [3, 4, 4])
    XCTAssertEqual(second.watched, [4])
    let ended = table.withdraw(first.ticket)
    XCTAssertEqual(ended.waiters, ["first"])
    XCTAssertEqual(ended.unwatched, [])
    let last = table.withdraw(second.ticket)
    XCTAssertEqual(last.waiters, ["second"])
    XCTAssertEqual(Set(last.unwatched), [3, 4])
    XCTAssert(table.isEmpty)
  }

  func testAReadyDescriptorEndsAllWhoWaitForItInTheOrderTheyCame() {
    var table = Table()
    for waiter in ["a", "b", "c"] { _ = begin(&table, waiter, for: [5]) }
    _ = begin(&table, "other", for: [6])
    _ = begin(&table, "both", for: [5, 6])
    let ended = table.end(ready: [5])
    XCTAssertEqual(ended.waiters, ["a", "b", "c", "both"])
    XCTAssertEqual(ended.unwatched, [5])
    XCTAssertEqual(table.end(ready: [5]).waiters, [])
    XCTAssertEqual(table.end(ready: [6, 7]).waiters, ["other"])
    XCTAssert(table.isEmpty)
  }

  func testAWaitEndsOnce() {
    var table = Table()
    let wait = begin(&table, "one", for: [3, 4], until: .now)
    XCTAssertEqual(table.end(ready: [3, 4, 3]).waiters, ["one"])
    XCTAssertEqual(table.withdraw(wait.ticket).waiters, [])
    XCTAssertEqual(table.endOverdue().waiters, [])
    XCTAssertEqual(table.endAll().waiters, [])
  }

  func testOneThatIsWithdrawnBeforeItBeginsDoesNotBegin() {
    var table = Table()
    let ticket = table.reserve()
    XCTAssertEqual(table.withdraw(ticket).waiters, [])
    XCTAssertNil(table.begin(ticket, for: [3], until: .never, "late"))
    XCTAssert(table.isEmpty)
    XCTAssertEqual(begin(&table, "next", for: [3]).watched, [3])
  }

  func testDeadlines() {
    var table = Table()
    XCTAssertNil(table.earliest)
    let far = Deadline(after: .seconds(1000))
    _ = begin(&table, "far", for: [3], until: far)
    _ = begin(&table, "never", for: [3])
    _ = begin(&table, "past", for: [4], until: .now)
    _ = begin(&table, "nothing else", for: [], until: .now)
    XCTAssertEqual(table.earliest, .now)
    let ended = table.endOverdue()
    XCTAssertEqual(ended.waiters, ["past", "nothing else"])
    XCTAssertEqual(ended.unwatched, [4])
    XCTAssertEqual(table.earliest, far)
    XCTAssertEqual(table.endAll().waiters, ["far", "never"])
    XCTAssert(table.isEmpty)
  }

  /// The deadlines of waits that ended long before take no room for ever.
  func testTimersOfEndedWaitsGo() {
    var table = Table()
    let late = begin(&table, "late", for: [9], until: Deadline(after: .seconds(999)))
    for _ in 0..<10_000 {
      _ = begin(&table, "quick", for: [3], until: Deadline(after: .seconds(1000)))
      XCTAssertEqual(table.end(ready: [3]).waiters, ["quick"])
    }
    XCTAssertLessThan(table.timerCount, 100)
    XCTAssertNotNil(table.earliest)
    XCTAssertEqual(table.withdraw(late.ticket).waiters, ["late"])
  }
}
