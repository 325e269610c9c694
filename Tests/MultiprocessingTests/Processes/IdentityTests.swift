import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Who a process is, what it is called, and who its relatives are.
final class IdentityTests: AuditedTestCase {
  private final class Worker: ProcessBase {}
  private final class Carrier<Load>: ProcessBase {}

  private final class Renamed: ProcessBase {
    override func run() {
      name = "renamed in the child"
      exit(currentProcess().name == "renamed in the child" ? 0 : 1)
    }
  }

  func testTheProgramItself() {
    XCTAssertEqual(currentProcess().name, "MainProcess")
    XCTAssertEqual(currentProcess().pid, getpid())
    XCTAssertFalse(currentProcess().isDaemon)
    XCTAssertNil(parentProcess())
  }

  func testAChildKnowsItselfAndItsParent() throws {
    let child = Process(
      target: { [currentProcess(), parentProcess()!] }, name: "누군가", daemon: true)
    try child.start()
    let identities = try child.result()
    XCTAssertEqual(identities[0].name, "누군가")
    XCTAssertEqual(identities[0].pid, child.pid)
    XCTAssertTrue(identities[0].isDaemon)
    XCTAssertEqual(identities[1], currentProcess())
  }

  func testAGrandchildsParentIsTheChild() throws {
    let child = Process(
      target: { () throws -> [ProcessIdentity] in
        let grandchild = Process(target: { [parentProcess()!, currentProcess()] }, name: "grandchild")
        try grandchild.start()
        return [currentProcess(), parentProcess()!] + (try grandchild.result())
      }, name: "child")
    try child.start()
    let identities = try child.result()
    XCTAssertEqual(identities[0].pid, child.pid)
    XCTAssertEqual(identities[1], currentProcess())
    XCTAssertEqual(identities[2], identities[0])
    XCTAssertEqual(identities[3].name, "grandchild")
  }

  // MARK: Names

  func testNamesAreTheTypeAndANumber() throws {
    let number = try Self.numberOfTheNext()
    let names = [Process {}.name, Worker().name, Carrier<Int>().name, Process(target: { 1 }).name]
    XCTAssertEqual(
      names, ["Process-\(number)", "Worker-\(number + 1)", "Carrier-\(number + 2)", "Process-\(number + 3)"])
  }

  func testAGivenNameIsKeptAndUsesUpANumber() throws {
    let number = try Self.numberOfTheNext()
    XCTAssertEqual(Process(target: {}, name: "이름").name, "이름")
    XCTAssertEqual(Worker(name: "").name, "")
    XCTAssertEqual(Process {}.name, "Process-\(number + 2)")
  }

  func testNestedNamesBeginWithTheParentsNumbers() throws {
    let number = try Self.numberOfTheNext()
    let outer = Process(
      target: { () throws -> [String] in
        let first = Process(target: { [currentProcess().name, Worker().name, Process {}.name] })
        try first.start()
        return [first.name, Worker().name] + (try first.result())
      }, name: "named otherwise")
    try outer.start()
    XCTAssertEqual(
      try outer.result(),
      [
        "Process-\(number):1", "Worker-\(number):2", "Process-\(number):1", "Worker-\(number):1:1",
        "Process-\(number):1:2",
      ])
  }

  func testNumbersInTheProgramItselfBeginWithOne() {
    let program = TestProgram("fixture", "names")
    XCTAssertEqual(program.wait(), 0)
    XCTAssertEqual(
      program.output.lines.sorted(),
      ["MainProcess", "Process-1", "Process-1:1", "Worker-2", "no parent"])
  }

  func testRenaming() throws {
    let gate = Gate()
    let process = Process(target: { () -> String in
      gate.pass()
      return currentProcess().name
    })
    process.name = "before"
    try process.start()
    process.name = "after"
    XCTAssertEqual(process.name, "after")
    XCTAssertEqual(activeChildren().map(\.name), ["after"])
    gate.open()
    XCTAssertEqual(try process.result(), "before")

    let renamed = Renamed(name: "original")
    try renamed.start()
    try renamed.join()
    XCTAssertEqual(renamed.exitCode, 0)
    XCTAssertEqual(renamed.name, "original", "what a child changes stays its own")
  }

  private static func numberOfTheNext() throws -> Int {
    try XCTUnwrap(Int(Process {}.name.dropFirst("Process-".count))) + 1
  }

  // MARK: Daemons

  func testTheDaemonFlagIsInherited() throws {
    XCTAssertFalse(Process {}.isDaemon)
    XCTAssertTrue(Worker(daemon: true).isDaemon)
    for isDaemon in [false, true] {
      let child = Process(
        target: {
          [currentProcess().isDaemon, Process {}.isDaemon, Worker(daemon: !isDaemon).isDaemon]
        }, daemon: isDaemon)
      try child.start()
      XCTAssertEqual(try child.result(), [isDaemon, isDaemon, !isDaemon])
    }
  }

  func testTheDaemonFlagIsSettledByTheStart() throws {
    let gate = Gate()
    let process = Process(target: { () -> Bool in
      gate.pass()
      return currentProcess().isDaemon
    })
    process.isDaemon = true
    XCTAssertTrue(process.isDaemon)
    try process.start()
    process.isDaemon = false
    XCTAssertTrue(process.isDaemon)
    gate.open()
    XCTAssertTrue(try process.result())
  }

  // MARK: Children

  func testActiveChildren() throws {
    XCTAssertEqual(activeChildren(), [])
    let gate = Gate()
    let processes = [true, false, true].map { Process(target: { gate.pass() }, daemon: $0) }
    XCTAssertEqual(activeChildren(), [])
    // In the order of their making, whatever the order of the starts.
    for process in processes.reversed() { try process.start() }
    let identities = activeChildren()
    XCTAssertEqual(identities.map(\.name), processes.map(\.name))
    XCTAssertEqual(identities.map(\.pid), processes.map(\.pid))
    XCTAssertEqual(identities.map(\.isDaemon), [true, false, true])

    try processes[1].kill()
    try processes[1].join()
    XCTAssertEqual(activeChildren().map(\.pid), [processes[0].pid, processes[2].pid])
    gate.open(2)
    for process in processes { try process.join() }
    XCTAssertEqual(activeChildren(), [])
  }

  func testActiveChildrenReapsWhatHasEnded() throws {
    let process = Process {}
    try process.start()
    let pid = try XCTUnwrap(process.pid)
    XCTAssert(eventually { processState(pid) == "Z" })
    XCTAssertEqual(activeChildren(), [])
    XCTAssertEqual(processState(pid), "gone")
    XCTAssertEqual(process.exitCode, 0)
  }

  func testAChildHasNoneOfItsParentsChildren() throws {
    let gate = Gate()
    let sibling = Process { gate.pass() }
    try sibling.start()
    XCTAssertEqual(try Process.run { activeChildren().count }, 0)
    gate.open()
    try sibling.join()
  }

  // MARK: Processors

  func testProcessorCounts() throws {
    XCTAssertGreaterThanOrEqual(cpuCount(), 1)
    XCTAssert((1...cpuCount()).contains(availableCPUCount()))
    XCTAssertEqual(try Process.run { availableCPUCount() }, availableCPUCount())
  }
}
