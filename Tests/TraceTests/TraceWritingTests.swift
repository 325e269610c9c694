import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What programs leave in the file of a trace.
final class TraceWritingTests: AuditedTestCase {
  private let file = TraceFile()

  override func setUpWithError() throws {
    // The first start of a process does what no later one does.
    try Process.run {}
    try super.setUpWithError()
  }

  private func events(_ pid: Int32?, _ body: () throws -> Void) throws -> [String] {
    try file.recording(body).filter { pid == nil || $0.pid == pid }.map(\.description)
  }

  // MARK: Lives

  func testAChildThatReturns() throws {
    let child = Process(target: { Trace.mark("inside") }, name: "worker")
    let events = try file.recording {
      try child.start()
      try child.result()
    }
    let pid = try XCTUnwrap(child.pid)
    XCTAssertEqual(
      events.filter { $0.pid == pid }.map(\.description),
      [
        "M process process_name", "B process worker", "i user inside", "E process", "i end exited with 0",
      ])
    XCTAssertEqual(
      events.filter { $0.pid == getpid() && $0.category == "process" }.prefix(3).map(\.description),
      [
        "M process process_name", "B process MainProcess", "X process start worker",
      ])
    let start = try XCTUnwrap(events.first { $0.phase == "X" })
    XCTAssertEqual(start.arguments["child"] as? Int32, pid)
    let begin = try XCTUnwrap(events.first { $0.pid == pid && $0.phase == "B" })
    XCTAssertEqual(begin.arguments["parent"] as? Int32, getpid())
    XCTAssertLessThanOrEqual(start.time, begin.time)
    let end = try XCTUnwrap(events.last { $0.pid == pid })
    XCTAssertEqual(end.arguments["code"] as? Int, 0)
    XCTAssertEqual(end.arguments["name"] as? String, "worker")
  }

  func testTheTimesOfAProcessAreInOrder() throws {
    let events = try file.recording {
      for _ in 0..<5 { try Process.run { for number in 0..<20 { Trace.mark("\(number)") } } }
    }
    for (pid, own) in Dictionary(grouping: events.filter { $0.phase != "X" && $0.category != "end" }, by: \.pid) {
      XCTAssertEqual(own.map(\.time), own.map(\.time).sorted(), "process \(pid)")
    }
  }

  func testAKilledChildLosesNothingThatHadHappened() throws {
    let gate = Gate()
    let child = Process(
      target: {
        Trace.mark("before")
        Trace.span("the last thing") {
          gate.open()
          while true { pause() }
        }
      }, name: "victim")
    let events = try file.recording {
      try child.start()
      gate.pass()
      try child.kill()
      try child.join()
    }
    XCTAssertEqual(
      events.filter { $0.pid == child.pid }.map(\.description),
      [
        "M process process_name", "B process victim", "i user before", "B user the last thing",
        "i end ended by SIGKILL",
      ])
    XCTAssertEqual(events.last { $0.category == "end" }?.arguments["signal"] as? Int32, SIGKILL)
  }

  func testACrash() throws {
    let child = Process(target: { () -> Void in fatalError("on purpose") }, name: "reckless")
    let events = try file.recording {
      try child.start()
      try child.join()
    }
    let own = events.filter { $0.pid == child.pid }
    XCTAssertEqual(own.prefix(2).map(\.description), ["M process process_name", "B process reckless"])
    XCTAssertEqual(own.dropFirst(2).map(\.category), ["crash", "end"])
    let signal = try XCTUnwrap(own.last?.arguments["signal"] as? Int32)
    XCTAssertTrue([SIGILL, SIGTRAP].contains(signal))
    XCTAssertEqual(own[2].arguments["signal"] as? Int32, signal)
    #if DEBUG
      XCTAssertEqual(own.last?.arguments["message"] as? String, "on purpose")
    #endif
  }

  private struct Refusal: Error, CustomStringConvertible {
    let description = "no \"way\""
  }

  func testAnErrorAndAnExit() throws {
    let thrower = Process(target: { throw Refusal() })
    let leaver = Process(target: { exit(3) })
    let events = try file.recording {
      for child in [thrower, leaver] {
        _ = try capturing(2) {
          try child.start()
          try child.join()
        }
      }
    }
    let thrown = events.filter { $0.pid == thrower.pid }
    XCTAssertEqual(thrown.dropFirst(2).map(\.category), ["error", "process", "end"])
    XCTAssertTrue(thrown[2].name.contains("no \"way\""), thrown[2].name)
    XCTAssertEqual(
      events.filter { $0.pid == leaver.pid }.dropFirst(2).map(\.description), ["E process", "i end exited with 3"])
  }

  func testChildrenOfChildren() throws {
    let events = try file.recording {
      try Process.run { () throws -> Void in
        let inner = Process(target: {}, name: "inner")
        try inner.start()
        try inner.join()
      }
    }
    let begins = events.filter { $0.phase == "B" && $0.category == "process" }
    XCTAssertEqual(begins.count, 3)
    let inner = try XCTUnwrap(begins.last)
    XCTAssertEqual(inner.name, "inner")
    XCTAssertEqual(inner.arguments["parent"] as? Int32, begins[1].pid)
    XCTAssertTrue(events.contains { $0.pid == inner.pid && $0.category == "end" })
  }

  func testManyProcessesAtOnceLoseNoLine() throws {
    let (processes, marks) = (8, 400)
    let gate = Gate()
    let events = try file.recording {
      let children = (0..<processes).map { number in
        Process {
          gate.pass()
          // Lines of many lengths.
          for mark in 0..<marks { Trace.mark("\(number) \(mark) " + String(repeating: "x", count: mark)) }
        }
      }
      for child in children { try child.start() }
      gate.open(processes)
      for child in children { try child.result() }
    }
    let found = events.filter { $0.category == "user" }
    XCTAssertEqual(found.count, processes * marks)
    for (_, own) in Dictionary(grouping: found, by: \.pid) {
      XCTAssertEqual(own.map { Int($0.name.split(separator: " ")[1]) }, Array(0..<marks))
    }
  }

  // MARK: Spans

  func testSpansNest() throws {
    let own = try events(getpid()) {
      let result = Trace.span("outer") {
        Trace.mark("between")
        return Trace.span("inner") { 42 }
      }
      XCTAssertEqual(result, 42)
      assertThrows(TimeoutError(operation: "it", timeout: .zero)) {
        try Trace.span("failing") { throw TimeoutError(operation: "it", timeout: .zero) }
      }
    }
    XCTAssertEqual(
      own.dropFirst(2),
      ["B user outer", "i user between", "B user inner", "E user", "E user", "B user failing", "E user"])
  }

  func testWaitsThatWaitAreSpans() throws {
    let child = Process { while true { pause() } }
    let (lock, semaphore, event) = (try Lock(), try Semaphore(0), try Event())
    let (condition, barrier, queue) = (try Condition(), try Barrier(parties: 2), try Queue<Int>(capacity: 1))
    let (reader, writer) = try Connection.pair()
    defer { writer.close() }
    let isHeld = Gate()
    let holder = Process {
      try lock.acquire()
      isHeld.open()
      while true { pause() }
    }
    let moment = Duration.milliseconds(1)
    let own = try events(getpid()) {
      try child.start()
      XCTAssertFalse(try child.join(timeout: moment))
      try child.kill()
      try holder.start()
      isHeld.pass()
      XCTAssertThrowsError(try lock.acquire(timeout: moment))
      try holder.kill()
      XCTAssertThrowsError(try semaphore.acquire(timeout: moment))
      XCTAssertThrowsError(try event.wait(timeout: moment))
      try condition.withLock { XCTAssertThrowsError(try condition.wait(timeout: moment)) }
      XCTAssertThrowsError(try queue.get(timeout: moment))
      try queue.put(1)
      XCTAssertThrowsError(try queue.put(2, timeout: moment))
      XCTAssertFalse(try queue.join(timeout: moment))
      XCTAssertThrowsError(try reader.receiveBytes(timeout: moment))
      XCTAssertThrowsError(try barrier.wait(timeout: moment))
      XCTAssertEqual(try waitAny([reader], timeout: moment).count, 0)
    }
    try child.join()
    try holder.join()
    let waits = own.filter { $0.hasPrefix("B wait") }.map { $0.dropFirst(7) }
    XCTAssertEqual(
      waits,
      [
        "wait for process \(child.pid!)", "lock", "semaphore", "event", "condition", "an element of a queue",
        "room in a queue", "the tasks of a queue", "a message", "barrier", "one of 1",
      ])
    XCTAssertEqual(own.count { $0 == "E wait" }, waits.count)
  }

  func testWhatDoesNotWaitIsNoWait() throws {
    let (lock, semaphore, event, queue) = (try Lock(), try Semaphore(1), try Event(), try Queue<Int>())
    let (reader, writer) = try Connection.pair()
    let child = Process {}
    try child.start()
    XCTAssertTrue(eventually { processState(child.pid!) == "Z" })
    let own = try events(getpid()) {
      try lock.withLock {}
      try semaphore.withLock {}
      event.set()
      try event.wait()
      try queue.put(1)
      XCTAssertEqual(try queue.get(), 1)
      try writer.sendBytes([1])
      XCTAssertEqual(try reader.receiveBytes(), [1])
      try child.join()
    }
    XCTAssertFalse(own.contains { $0.contains("wait") }, "\(own)")
  }

  func testALockThatIsHeldByTheSameThreadStillThrows() throws {
    let lock = try Lock()
    _ = try file.recording {
      try lock.acquire()
      assertThrows(SynchronizationError.wouldDeadlock) { try lock.acquire() }
      try lock.release()
    }
  }

  // MARK: On and off

  func testOffCostsNoCallAndNoName() throws {
    XCTAssertFalse(Trace.isOn)
    var named = 0
    func name() -> String {
      named += 1
      return "name"
    }
    Trace.mark(name())
    XCTAssertEqual(Trace.span(name()) { 7 }, 7)
    XCTAssertEqual(named, 0)
    _ = try file.recording {
      Trace.mark(name())
      Trace.span(name()) {}
    }
    XCTAssertEqual(named, 2)
    Trace.mark(name())
    XCTAssertEqual(named, 2)
  }

  func testMisuse() throws {
    _ = try file.recording {
      let error = thrown(SystemError.self) { try Trace.start(path: file.path) }
      XCTAssertEqual(error?.errno, EBUSY)
      XCTAssertTrue(Trace.isOn)
    }
    for (path, errno) in [("/nowhere/at/all", ENOENT), ("/tmp", EISDIR), ("/dev/null", EINVAL)] {
      XCTAssertEqual(thrown(SystemError.self) { try Trace.start(path: path) }?.errno, errno, path)
    }
    Trace.stop()
    XCTAssertFalse(Trace.isOn)
  }

  func testAStopEndsTheTraceOfThisProcessAlone() throws {
    let (isStopped, hasMarked) = (Gate(), Gate())
    let child = Process {
      isStopped.pass()
      Trace.mark("still here")
      hasMarked.open()
    }
    try Trace.start(path: file.path)
    try child.start()
    Trace.stop()
    Trace.mark("not any more")
    isStopped.open()
    hasMarked.pass()
    try child.join()
    XCTAssertEqual(try file.events().filter { $0.category == "user" }.map(\.name), ["still here"])
  }

  func testAChildThatRanBeforeGoesUnrecorded() throws {
    let isOn = Gate()
    let child = Process {
      isOn.pass()
      Trace.mark("unheard")
    }
    try child.start()
    let events = try file.recording {
      isOn.open()
      try child.join()
    }
    XCTAssertFalse(events.contains { $0.name == "unheard" })
    XCTAssertTrue(events.contains { $0.pid == child.pid && $0.category == "end" })
  }

  func testALimitOnFilesEndsTheTraceOfTheChildAndNotTheChild() throws {
    let events = try file.recording {
      for _ in 0..<100 { Trace.mark(String(repeating: "x", count: 500)) }
      let value = try Process.run(limits: ResourceLimits(fileSize: 1000)) { () -> Int in
        Trace.mark("too much")
        return 42
      }
      XCTAssertEqual(value, 42)
    }
    XCTAssertFalse(events.contains { $0.name == "too much" })
    XCTAssertEqual(events.filter { $0.category == "end" }.map(\.name), ["exited with 0"])
    XCTAssertFalse(events.contains { $0.description == "E process" })
  }

  func testASecondTraceBeginsAnew() throws {
    _ = try file.recording { Trace.mark("first") }
    let events = try file.recording { Trace.mark("second") }
    XCTAssertEqual(events.filter { $0.category == "user" }.map(\.name), ["second"])
  }

  // MARK: Programs

  private func run(_ program: String, _ arguments: String) {
    setenv("MP_TRACE", file.path, 1)
    defer { unsetenv("MP_TRACE") }
    XCTAssertEqual(TestProgram(program, arguments).wait(), 0)
  }

  func testTheEnvironmentAsksForATrace() throws {
    run("fixture", "names")
    let begins = try file.events().filter { $0.phase == "B" && $0.category == "process" }.map(\.name)
    XCTAssertEqual(begins.prefix(1), ["MainProcess"])
    XCTAssertEqual(Set(begins), ["MainProcess", "Process-1", "Worker-2"])
    let main = try XCTUnwrap(try file.events().first?.pid)
    XCTAssertEqual(try file.events().last { $0.pid == main }?.description, "E process")
  }

  func testATraceThatCannotBeWrittenDoesNotStopTheProgram() throws {
    let told = try capturing(2) {
      setenv("MP_TRACE", "/nowhere/at/all", 1)
      defer { unsetenv("MP_TRACE") }
      XCTAssertEqual(TestProgram("fixture", "names").wait(), 0)
    }
    let sentences = told.split(separator: "\n")
    XCTAssertEqual(sentences.count, 1, told)
    XCTAssertTrue(told.contains("cannot write a trace to /nowhere/at/all: No such file or directory"), told)
  }

  func testAProgramJoinsTheTraceOfAnother() throws {
    _ = try file.recording {
      Trace.mark("ahead")
      run("fixture", "names")
      Trace.mark("after")
    }
    let events = try file.events()
    XCTAssertEqual(events.count { $0.phase == "B" && $0.name == "MainProcess" }, 2)
    XCTAssertEqual(events.filter { $0.category == "user" }.map(\.name), ["ahead", "after"])
    // Nobody writes to it any more, and so the next program begins it anew.
    run("fixture", "names")
    XCTAssertEqual(try file.events().count { $0.phase == "B" && $0.name == "MainProcess" }, 1)
  }
}
