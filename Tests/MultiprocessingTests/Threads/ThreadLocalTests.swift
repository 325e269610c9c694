import Multiprocessing
import TestSupport
import XCTest

import class Multiprocessing.Process
import class Multiprocessing.Thread
import class Multiprocessing.Timer

final class ThreadLocalTests: AuditedTestCase {
  func testEachThreadBeginsWithTheInitialValue() throws {
    let local = ThreadLocal([0])
    local.value.append(1)
    let threads = (2..<6).map { number in
      Thread { () -> [Int] in
        local.value.append(number)
        local.value.append(number)
        return local.value
      }
    }
    for thread in threads { try thread.start() }
    XCTAssertEqual(try threads.map { try $0.result() }, (2..<6).map { [0, $0, $0] })
    XCTAssertEqual(local.value, [0, 1])
    local.value = []
    XCTAssertEqual(local.value, [])
    XCTAssertEqual(concurrently(2) { _ in local.value }, [[0], [0]], "threads of others as well")
    XCTAssertEqual(try Process.run { local.value }, [0])
  }

  func testSeveralDoNotMix() throws {
    let locals = (0..<20).map { ThreadLocal($0) }
    for local in locals { local.value += 100 }
    XCTAssertEqual(locals.map(\.value), (100..<120).map { $0 })
    let thread = Thread { locals.map(\.value) }
    try thread.start()
    XCTAssertEqual(try thread.result(), (0..<20).map { $0 })
  }

  /// Not `Sendable`.
  private final class Counter {
    var count = 0
    let flag: Flag
    init(_ flag: Flag) { self.flag = flag }
    deinit { flag.raise() }
  }

  func testValuesThatThreadsMustNotShareGoWithTheirThread() throws {
    let flags = [Flag(), Flag()]
    let local = ThreadLocal<Counter?>(initial: { nil })
    local.value = Counter(flags[0])
    let thread = Thread {
      local.value = Counter(flags[1])
      local.value?.count += 1
    }
    try thread.start()
    try thread.join()
    XCTAssertTrue(flags[1].isRaised, "gone when the thread has ended")
    XCTAssertFalse(flags[0].isRaised)
    local.value = nil
    XCTAssertTrue(flags[0].isRaised)
  }

  func testValuesGoWithTheObject() throws {
    let (flag, gate, ready) = (Flag(), Gate(), Gate())
    do {
      let local = ThreadLocal<Counter>(initial: { Counter(flag) })
      let box = Held(local)
      try Thread {
        box.touch()
        ready.open()
        gate.pass()
      }.start()
      ready.pass()
      box.local = nil
      XCTAssertFalse(flag.isRaised)
      _ = local
    }
    XCTAssertTrue(flag.isRaised, "while the thread still runs")
    gate.open()
  }

  private final class Held: @unchecked Sendable {
    // Sendable: the test orders both.
    var local: ThreadLocal<Counter>?
    init(_ local: ThreadLocal<Counter>) { self.local = local }
    func touch() { local?.value.count += 1 }
  }

  func testAValueThatAsksForAnotherAtItsEnd() throws {
    final class Curious: Sendable {
      let other: ThreadLocal<Int>
      let flag: Flag
      init(_ other: ThreadLocal<Int>, _ flag: Flag) { (self.other, self.flag) = (other, flag) }
      deinit { if other.value == 5 { flag.raise() } }
    }
    let flag = Flag()
    let other = ThreadLocal(5)
    let local = ThreadLocal<Curious?>(initial: { nil })
    let thread = Thread {
      other.value = 6
      local.value = Curious(other, flag)
    }
    try thread.start()
    try thread.join()
    XCTAssertTrue(flag.isRaised, "it found a table anew")
    _ = concurrently(1) { _ in local.value = Curious(other, flag) }
  }

  /// What is replaced is let go of when the new value is there.
  func testAValueThatAsksForItselfWhenItIsReplaced() throws {
    final class Curious {
      let seen: Mailbox
      weak var local: ThreadLocal<Curious?>?
      init(_ seen: Mailbox, _ local: ThreadLocal<Curious?>) { (self.seen, self.local) = (seen, local) }
      deinit { seen.post(local?.value == nil ? "nothing" : "another one") }
    }
    let seen = Mailbox()
    let local = ThreadLocal<Curious?>(initial: { nil })
    local.value = Curious(seen, local)
    local.value = Curious(seen, local)
    XCTAssertEqual(try seen.waiting(), ["another one"])
    local.value = nil
    XCTAssertEqual(try seen.waiting(), ["nothing"])
  }

  // MARK: Timers

  func testATimerRingsOnce() throws {
    let mailbox = Mailbox()
    let timer = Timer(interval: .seconds(-1)) { mailbox.post(currentThread().name) }
    assertThrows(ThreadError.notStarted) { try timer.join() }
    try timer.start()
    assertThrows(ThreadError.alreadyStarted) { try timer.start() }
    XCTAssertTrue(try timer.join(timeout: .seconds(60)))
    timer.cancel()
    let names = try mailbox.waiting()
    XCTAssertEqual(names.count, 1)
    XCTAssertTrue(names[0].hasPrefix("Timer-"))
  }

  func testACancelledTimerDoesNot() throws {
    for isStarted in [true, false] {
      let timer = Timer(interval: .seconds(3600)) { XCTFail("cancelled") }
      if isStarted { try timer.start() }
      timer.cancel()
      timer.cancel()
      if !isStarted { try timer.start() }
      XCTAssertTrue(try timer.join())
    }
  }

  func testCancellingWhileItRings() throws {
    for _ in 0..<50 {
      let mailbox = Mailbox()
      let timer = Timer(interval: .zero) { mailbox.post("rings") }
      try timer.start()
      timer.cancel()
      try timer.join()
      XCTAssertLessThanOrEqual(try mailbox.waiting().count, 1)
    }
  }
}
