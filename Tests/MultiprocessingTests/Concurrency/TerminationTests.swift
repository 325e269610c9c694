import Dispatch
import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// SIGTERM and async children, and what an async child notices by itself.
final class TerminationTests: AuditedTestCase {
  /// Cleans up when it is cancelled.
  private static func waiter(_ mailbox: Mailbox, isEager: Bool = false) -> Multiprocessing.Process<String> {
    let process = Process { () async -> String in
      mailbox.post("ready")
      do {
        try await Task.sleep(for: .seconds(3600))
        return "slept"
      } catch {
        return "cleaned up after \(type(of: error))"
      }
    }
    process.cancelsOnTermination = true
    return process
  }

  func testTheFirstSignalCancels() throws {
    let mailbox = Mailbox()
    let process = Self.waiter(mailbox)
    try process.start()
    XCTAssertEqual(try mailbox.next(), "ready")
    try process.terminate()
    XCTAssertEqual(try process.result(timeout: .seconds(60)), "cleaned up after CancellationError")
    XCTAssertEqual(process.exitCode, 0)
  }

  func testASignalThatComesEarly() throws {
    for _ in 0..<50 {
      let process = Self.waiter(Mailbox())
      try process.start()
      try process.terminate()
      XCTAssertEqual(try process.result(timeout: .seconds(60)), "cleaned up after CancellationError")
    }
  }

  func testABodyThatNeverSuspends() throws {
    let mailbox = Mailbox()
    let process = Process { @MainActor () async -> Bool in
      mailbox.post("ready")
      while !Task.isCancelled {}
      return true
    }
    process.cancelsOnTermination = true
    try process.start()
    XCTAssertEqual(try mailbox.next(), "ready")
    try process.terminate()
    XCTAssertTrue(try process.result(timeout: .seconds(60)))
  }

  func testTheSecondSignalEnds() throws {
    let mailbox = Mailbox()
    let process = Process {
      await withTaskCancellationHandler {
        mailbox.post("ready")
        while true { try? await Task.sleep(for: .seconds(3600)) }
      } onCancel: {
        mailbox.post("cancelled")
      }
    }
    process.cancelsOnTermination = true
    try process.start()
    XCTAssertEqual(try mailbox.next(), "ready")
    try process.terminate()
    XCTAssertEqual(try mailbox.next(), "cancelled")
    try process.terminate()
    assertThrows(ProcessError.killed(.terminate)) { try process.result(timeout: .seconds(60)) }
  }

  func testWithoutBeingAsked() throws {
    let mailbox = Mailbox()
    let process = Self.waiter(mailbox)
    process.cancelsOnTermination = false
    try process.start()
    XCTAssertEqual(try mailbox.next(), "ready")
    try process.terminate()
    assertThrows(ProcessError.killed(.terminate)) { try process.result(timeout: .seconds(60)) }
  }

  func testASynchronousChildDoesNotCatch() throws {
    let mailbox = Mailbox()
    let process = Process {
      mailbox.post("ready")
      while true { pause() }
    }
    process.cancelsOnTermination = true
    XCTAssertTrue(process.cancelsOnTermination)
    try process.start()
    XCTAssertEqual(try mailbox.next(), "ready")
    try process.terminate()
    try process.join()
    XCTAssertEqual(process.exitCode, -SIGTERM)
    process.cancelsOnTermination = false
    XCTAssertTrue(process.cancelsOnTermination, "settled by the start")
  }

  /// The child of a child that catches does not.
  func testChildrenOfOneThatCatches() throws {
    let process = Process { () async throws -> [Int32?] in
      let mailbox = Mailbox()
      let children: [ProcessBase] = [
        Process {
          mailbox.post("ready")
          while true { pause() }
        },
        Process {
          mailbox.post("ready")
          try await Task.sleep(for: .seconds(3600))
        },
      ]
      for child in children {
        try child.start()
        _ = try mailbox.next()
        try child.terminate()
        _ = try synchronously { try child.join(timeout: .seconds(60)) }
      }
      return children.map(\.exitCode)
    }
    process.cancelsOnTermination = true
    try process.start()
    XCTAssertEqual(try process.result(timeout: .seconds(60)), [-SIGTERM, -SIGTERM])
  }

  // MARK: Waiting in vain

  private func checkStall(line: UInt = #line, _ body: @escaping @Sendable () async throws -> Void) throws {
    let process = Process(target: body)
    _ = try capturing(STDERR_FILENO) {
      try process.start()
      let error = thrown(ProcessError.self, line: line) { try process.result(timeout: .seconds(60)) }
      guard case .thrown(let remote) = error else { return XCTFail("\(error as Any)", line: line) }
      XCTAssertEqual(remote.typeName, "StalledError", line: line)
      XCTAssertEqual(process.exitCode, 1, line: line)
    }
  }

  func testAContinuationThatNobodyResumes() throws {
    try checkStall { await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
    try checkStall { @MainActor in await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
  }

  /// Dispatch counts on the parent's threads, which have just been busy and wait for more to do.
  func testADispatchQueueOfAParentThatUsedIt() throws {
    let isDone = DispatchSemaphore(value: 0)
    for _ in 0..<64 {
      DispatchQueue.global().async {
        usleep(1000)
        isDone.signal()
      }
    }
    for _ in 0..<64 { isDone.wait() }
    try checkStall {
      await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume() }
      }
    }
  }

  private actor Busy {
    func run(_ mailbox: Mailbox, until flag: Flag) {
      mailbox.post("running")
      while !flag.isRaised { usleep(1000) }
    }
    /// Changes something, or the optimiser would not ask the actor.
    private var count = 0
    func answer() -> Int {
      count += 1
      return count
    }
  }

  func testAnActorThatWasBusyInTheParent() throws {
    let (actor, mailbox, flag) = (Busy(), Mailbox(), Flag())
    let task = Task.detached { await actor.run(mailbox, until: flag) }
    XCTAssertEqual(try mailbox.next(), "running")
    try checkStall { _ = await actor.answer() }
    flag.raise()
    let isDone = Flag()
    Task.detached {
      await task.value
      isDone.raise()
    }
    XCTAssertTrue(eventually { isDone.isRaised })
  }

  /// The threads that carry out waits of tasks, and have none, bring nothing about.
  func testAContinuationThatNobodyResumesAfterOtherWaits() throws {
    let (queue, (ours, theirs)) = (try Queue<Int>(), try Connection.pair())
    try checkStall {
      try? await Task.sleep(for: .milliseconds(1))
      _ = try? await queue.get(timeout: .milliseconds(1))
      _ = try? await ours.receive(Int.self, timeout: .milliseconds(1))
      await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
    }
    withExtendedLifetime(theirs) {}
  }

  /// Another process may bring it about, later than any look at the child.
  func testWaitsThatTakeLong() throws {
    let (queue, lock, (ours, theirs)) = (try Queue<Int>(), try Lock(), try Connection.pair())
    try lock.acquire()
    let waiters = [
      Process { _ = try await queue.get() },
      Process { try await lock.withLock {} },
      Process { _ = try await ours.receive(Int.self) },
    ]
    for waiter in waiters { try waiter.start() }
    XCTAssertEqual(try waiters[0].join(timeout: .seconds(3)), false)
    try queue.put(1)
    try lock.release()
    try theirs.send(1)
    for waiter in waiters { try waiter.result(timeout: .seconds(60)) }
  }

  /// A thread that will bring it about, later than any look at the child.
  func testAnAnswerThatTakesLong() throws {
    let gate = Gate()
    let process = Process {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        _ = TestThread {
          gate.pass()
          continuation.resume()
        }
      }
    }
    try process.start()
    XCTAssertFalse(try process.join(timeout: .seconds(3)))
    gate.open()
    try process.result(timeout: .seconds(60))
  }
}

/// The blocking form, where an async function would find the suspending one.
private func synchronously<Result>(_ body: () throws -> Result) rethrows -> Result { try body() }
