import Glibc
import Multiprocessing
import TestSupport
import XCTest

import class Multiprocessing.Process
import class Multiprocessing.Thread

/// Threads at a fork, in a child, and at the end of a program.
final class ThreadEndTests: AuditedTestCase {
  // MARK: The end of the program

  private func lines(of scene: String) -> (lines: [Substring], code: Int32) {
    let program = TestProgram("fixture", scene)
    let code = program.wait()
    return (program.output.text.split(separator: "\n"), code)
  }

  func testThreadsAreJoinedAheadOfTheExitBlocks() {
    let expected: [Substring] = ["main ends", "thread", "its thread", "exit block"]
    for (scene, code) in [("threads", Int32(0)), ("threads-exit", 3)] {
      let end = lines(of: scene)
      XCTAssertEqual(end.lines, expected, scene)
      XCTAssertEqual(end.code, code, scene)
    }
  }

  func testAThreadMayEndTheProgram() {
    XCTAssertEqual(lines(of: "exit-in-a-thread").code, 7)
    XCTAssertTrue([0, 7].contains(lines(of: "exit-in-threads").code))
  }

  func testThreadsOfExitBlocksAreJoined() {
    let end = lines(of: "threads-of-exit-blocks")
    XCTAssertEqual(end.lines, ["block", "thread", "its thread", "its block", "first registered"])
    XCTAssertEqual(end.code, 0)
  }

  // MARK: Children

  func testAChildWaitsForTheThreadsOfItsExitBlocks() throws {
    let (mailbox, gate) = (Mailbox(), Gate())
    let child = Process {
      atExit { mailbox.post("first registered") }
      atExit {
        mailbox.post("block")
        try? Thread {
          gate.pass()
          mailbox.post("thread")
        }.start()
      }
    }
    try child.start()
    XCTAssertEqual(try mailbox.next(), "block")
    gate.open()
    try child.join()
    XCTAssertEqual(child.exitCode, 0)
    XCTAssertEqual(try mailbox.waiting(), ["thread", "first registered"])
  }

  /// The one who ends the child waits for them, and they for nobody.
  func testThreadsOfAnExitBlockThatWantToEndTheChild() throws {
    let mailbox = Mailbox()
    let child = Process {
      atExit { mailbox.post("first registered") }
      atExit { for _ in 0..<4 { try? Thread { exit(9) }.start() } }
      exit(4)
    }
    try child.start()
    try child.join()
    XCTAssertEqual(child.exitCode, 4)
    XCTAssertEqual(try mailbox.waiting(), ["first registered"])
  }

  func testAChildWaitsForItsThreads() throws {
    for exits in [false, true] {
      let (mailbox, gate) = (Mailbox(), Gate())
      let child = Process {
        atExit { mailbox.post("block") }
        let late = Thread {
          gate.pass()
          mailbox.post("thread")
          try Thread { mailbox.post("its thread") }.start()
        }
        try late.start()
        try Thread(daemon: true) { while true { pause() } }.start()
        mailbox.post("body")
        if exits { exit(4) }
      }
      try child.start()
      XCTAssertEqual(try mailbox.next(), "body")
      XCTAssertFalse(try child.join(timeout: .milliseconds(20)))
      gate.open()
      try child.join()
      XCTAssertEqual(child.exitCode, exits ? 4 : 0)
      XCTAssertEqual(try mailbox.waiting(), ["thread", "its thread", "block"])
    }
  }

  func testAThreadMayEndAChild() throws {
    for isWaitedFor in [true, false] {
      let child = Process {
        let gate = Gate()
        let threads = (0..<4).map { _ in
          Thread {
            gate.pass()
            exit(9)
          }
        }
        for thread in threads { try thread.start() }
        gate.open(4)
        if isWaitedFor { try threads[0].join() }
      }
      try child.start()
      try child.join()
      XCTAssertTrue(
        isWaitedFor ? child.exitCode == 9 : [0, 9].contains(child.exitCode), "\(String(describing: child.exitCode))")
    }
  }

  func testAChildHasThreadsOfItsOwn() throws {
    let number = try Process.run { () -> Int in
      let threads = (1...10).map { number in Thread(target: { number * number }) }
      for thread in threads { try thread.start() }
      return try threads.map { try $0.result() }.reduce(0, +)
    }
    XCTAssertEqual(number, 385)
  }

  func testAChildMayBeStartedByAThread() throws {
    let thread = Thread(target: {
      try Process.run { "\(currentThread().name) \(currentThread().isMain) \(activeThreads().count)" }
    })
    try thread.start()
    XCTAssertEqual(try thread.result(), "MainThread true 0")
  }

  func testTheParentsThreadsAreNotInTheChild() throws {
    let gate = Gate()
    let running = Thread { () -> Int in
      gate.pass()
      return 1
    }
    let ended = Thread { 2 }
    let fresh = Thread { 3 }
    try running.start()
    try ended.start()
    try ended.join()
    XCTAssertNotNil(running.nativeID)
    let child = Process(target: { () -> [String] in
      var met = ["\(running.isAlive)", "\(try running.join())", "\(running.nativeID != nil)"]
      do {
        _ = try running.result()
      } catch ThreadError.lostInFork {
        met.append("lost")
      }
      met.append("\(try ended.result())")
      try fresh.start()
      met.append("\(try fresh.result())")
      return met
    })
    try child.start()
    XCTAssertEqual(try child.result(), ["false", "true", "true", "lost", "2", "3"])
    XCTAssertTrue(running.isAlive)
    gate.open()
    XCTAssertEqual(try running.result(), 1)
  }

  func testForksUnderRunningThreads() throws {
    let stop = Flag()
    let threads = (0..<3).map { number in
      Thread { () -> Int in
        var count = 0
        while !stop.isRaised {
          let thread = Thread { number }
          try thread.start()
          count += try thread.result()
        }
        return count
      }
    }
    for thread in threads { try thread.start() }
    for number in 0..<20 {
      let child = Process(target: { () -> Int in
        let thread = Thread { number }
        try thread.start()
        return try thread.result()
      })
      try child.start()
      XCTAssertEqual(try child.result(), number)
    }
    stop.raise()
    for thread in threads { try thread.join() }
  }

  func testACrashOnAThreadIsReported() throws {
    let child = Process {
      let thread = Thread { fatalError("on a thread") }
      try thread.start()
      try thread.join()
    }
    try child.start()
    guard case .crashed(let report)? = thrown(ProcessError.self, by: { try child.result() }) else { return }
    XCTAssertTrue(report.message?.contains("on a thread") == true, "\(report)")
  }
}
