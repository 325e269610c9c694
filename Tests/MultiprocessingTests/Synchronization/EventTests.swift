import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What Python's `_TestEvent` holds, and deaths.
final class EventTests: AuditedTestCase {
  func testAnEvent() throws {
    let event = try Event()
    XCTAssertFalse(event.isSet)
    for timeout in [Duration.milliseconds(20), .zero, .seconds(-5)] {
      let error = thrown(TimeoutError.self) { try event.wait(timeout: timeout) }
      XCTAssertEqual(error?.timeout, max(timeout, .zero))
      XCTAssertEqual(error?.operation, "an event")
    }
    event.set()
    event.set()
    XCTAssertTrue(event.isSet)
    try event.wait()
    try event.wait(timeout: .zero)
    event.clear()
    event.clear()
    XCTAssertFalse(event.isSet)
    let process = Process(target: { (event: Event) in event.set() }, args: (event))
    try process.start()
    try event.wait()
    XCTAssertTrue(event.isSet)
    try process.result()
  }

  func testEverybodyGoesOnThoughItIsClearedAtOnce() throws {
    let event = try Event()
    let mailbox = Mailbox()
    let processes = (0..<3).map { _ in
      Process {
        mailbox.post("waiting")
        try event.wait()
      }
    }
    for process in processes { try process.start() }
    for _ in processes { _ = try mailbox.next() }
    let pids = processes.compactMap(\.pid)
    XCTAssert(eventually { pids.allSatisfy { processState($0) == "S" } })
    event.set()
    event.clear()
    for process in processes { try process.result(timeout: .seconds(30)) }
    XCTAssertFalse(event.isSet)
  }

  func testAKilledWaiterTouchesNobody() throws {
    let event = try Event()
    let mailbox = Mailbox()
    let processes = (0..<3).map { _ in
      Process {
        mailbox.post("waiting")
        try event.wait()
      }
    }
    for process in processes { try process.start() }
    for _ in processes { _ = try mailbox.next() }
    let pids = processes.compactMap(\.pid)
    XCTAssert(eventually { pids.allSatisfy { processState($0) == "S" } })
    try processes[0].kill()
    try processes[0].join()
    event.set()
    for process in processes.dropFirst() { try process.result(timeout: .seconds(30)) }
  }
}
