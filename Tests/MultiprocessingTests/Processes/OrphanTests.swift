import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What becomes of the children of a process that dies without a word.
final class OrphanTests: AuditedTestCase {
  /// Starts a process that starts children, and gives their pids once each has reported.
  private func family(
    of count: Int, _ body: @escaping @Sendable (Mailbox) throws -> Void
  ) throws -> (head: Multiprocessing.Process<Void>, pids: [Int32]) {
    let mailbox = Mailbox()
    let head = Process {
      try body(mailbox)
      while true { pause() }
    }
    try head.start()
    return (head, try (0..<count).map { _ in try mailbox.nextNumber() })
  }

  @discardableResult
  private static func idle(
    daemon: Bool, _ mailbox: Mailbox, then body: (@Sendable () throws -> Void)? = nil
  ) throws -> ProcessBase {
    let process = Process(
      target: {
        try body?()
        mailbox.post("\(getpid())")
        while true { pause() }
      }, daemon: daemon)
    try process.start()
    return process
  }

  func testNobodyIsLeftOfAKilledProcess() throws {
    let (head, pids) = try family(of: 8) { mailbox in
      for daemon in [false, true] {
        for inner in [false, true] {
          try Self.idle(daemon: daemon, mailbox) { try Self.idle(daemon: inner, mailbox) }
        }
      }
    }
    for pid in pids { XCTAssertTrue(isRunning(pid)) }
    try head.kill()
    assertThrows(ProcessError.killed(.kill)) { try head.result() }
    for pid in pids { XCTAssert(eventually { !isRunning(pid) }, "\(pid) is \(processState(pid))") }
  }

  func testNobodyIsLeftOfACrashedProcess() throws {
    let gate = Gate()
    let (head, pids) = try family(of: 1) { mailbox in
      try Self.idle(daemon: false, mailbox)
      gate.pass()
      fatalError("on purpose")
    }
    gate.open()
    try head.join()
    for pid in pids { XCTAssert(eventually { !isRunning(pid) }) }
  }

  func testNobodyIsLeftOfAKilledProgram() throws {
    let program = TestProgram("fixture", "family")
    XCTAssert(eventually { program.output.lines.contains("ready") })
    let pids = program.output.lines.compactMap { Int32($0) }
    XCTAssertEqual(pids.count, 4)
    for pid in pids { XCTAssertTrue(isRunning(pid)) }
    XCTAssertEqual(kill(program.pid, SIGKILL), 0)
    XCTAssertEqual(program.wait(), -SIGKILL)
    for pid in pids { XCTAssert(eventually { !isRunning(pid) }) }
  }

  func testAProcessThatMaySurvives() throws {
    let mailbox = Mailbox()
    let gate = Gate()
    let head = Process {
      // A survivor, a process of the usual kind, a daemon that asks in vain.
      for (daemon, survives) in [(false, true), (false, false), (true, true)] {
        let process = Process(
          target: {
            gate.pass()
            mailbox.post("alive")
          }, daemon: daemon)
        process.survivesParent = survives
        try process.start()
        mailbox.post("\(process.pid!)")
      }
      mailbox.post("0")
      while true { pause() }
    }
    try head.start()
    var pids: [Int32] = []
    while case let pid = try mailbox.nextNumber(), pid != 0 { pids.append(pid) }
    XCTAssertEqual(pids.count, 3)
    try head.kill()
    try head.join()
    for pid in pids[1...] { XCTAssert(eventually { !isRunning(pid) }) }
    XCTAssertTrue(isRunning(pids[0]))
    gate.open()
    XCTAssertEqual(try mailbox.next(), "alive")
    XCTAssert(eventually { !isRunning(pids[0]) })
    XCTAssertEqual(try mailbox.waiting(), [])
  }

  func testTheSettingOfASurvivorIsSettledByTheStart() throws {
    let process = Process {}
    XCTAssertFalse(process.survivesParent)
    process.survivesParent = true
    XCTAssertTrue(process.survivesParent)
    try process.start()
    process.survivesParent = false
    XCTAssertTrue(process.survivesParent)
    try process.join()
  }

  func testTheThreadThatStartedMayEnd() throws {
    for _ in 0..<20 {
      let gate = Gate()
      let mailbox = Mailbox()
      let process = Process(target: { () -> Int in
        mailbox.post("ready")
        gate.pass()
        return 42
      })
      TestThread { try? process.start() }.join()
      XCTAssertEqual(try mailbox.next(), "ready")
      XCTAssertTrue(process.isAlive)
      gate.open()
      XCTAssertEqual(try process.result(), 42)
    }
  }

  // MARK: An orderly end

  func testTheEndOfAChildJoinsItsChildren() throws {
    for ending in 0..<3 {
      let mailbox = Mailbox()
      let gate = Gate()
      let process = Process {
        let grandchild = Process {
          gate.pass()
          mailbox.post("grandchild")
        }
        try grandchild.start()
        // Only the end of its parent lets it go on.
        atExit {
          mailbox.post("end")
          gate.open()
        }
        if ending == 1 { exit(0) }
        if ending == 2 { throw ProcessError.closed }
      }
      try process.start()
      try process.join()
      XCTAssertEqual(try mailbox.waiting(), ["end", "grandchild"], "\(ending)")
    }
  }

  func testTheEndOfAChildFirstTerminatesItsDaemons() throws {
    let mailbox = Mailbox()
    let process = Process {
      let daemon = try Self.idle(daemon: true, mailbox)
      let pid = daemon.pid!
      let other = Process {
        while isRunning(pid) { usleep(1000) }
        mailbox.post("0")
      }
      try other.start()
      // The daemon has begun, so that it is ended by a signal and not before its start.
      while processState(pid) != "S" { usleep(1000) }
    }
    try process.start()
    XCTAssertTrue(try process.join(timeout: .seconds(60)))
    XCTAssertEqual(process.exitCode, 0)
    let daemon = try mailbox.nextNumber()
    XCTAssertEqual(try mailbox.waiting(), ["0"])
    XCTAssertFalse(isRunning(daemon))
  }

  func testADaemonThatWillNotListenIsKilled() throws {
    let mailbox = Mailbox()
    let process = Process {
      try Self.idle(daemon: true, mailbox) { signal(SIGTERM, SIG_IGN) }
      mailbox.post(try mailbox.next())
    }
    try process.start()
    XCTAssertTrue(try process.join(timeout: .seconds(60)))
    XCTAssertFalse(isRunning(try mailbox.nextNumber()))
  }

  func testTheEndOfTheProgram() {
    for (scene, code) in [("end", 0), ("exit", 3)] as [(String, Int32)] {
      let program = TestProgram("fixture", scene)
      XCTAssertEqual(program.wait(), code)
      let lines = program.output.lines
      XCTAssertEqual(lines.prefix(3), ["main ends", "last registered", "first registered"])
      XCTAssertEqual(lines.dropFirst(3).sorted(), ["child ends", "daemon terminated"])
    }
  }
}
