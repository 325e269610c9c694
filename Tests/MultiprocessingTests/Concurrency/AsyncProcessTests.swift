import Foundation
import Multiprocessing
import TestSupport
import XCTest

import class Multiprocessing.Process

/// Processes with async targets, as their users meet them: from synchronous code.
final class AsyncProcessTests: AuditedTestCase {
  private struct Greeting: Codable, Sendable {
    var first, second: String
  }

  private struct Trouble: Error, Codable, Equatable {
    var number: Int
  }

  private static func onMainThread() -> Bool { Thread.isMainThread }

  @MainActor private static func endOnMainActor() { exit(3) }
  @MainActor private static func crashOnMainActor() { if getpid() > 0 { fatalError("on the main actor") } }

  private func result<Output>(_ process: Process<Output>) throws -> Output {
    try process.start()
    return try process.result(timeout: .seconds(60))
  }

  // MARK: Forms

  func testEveryFormOfTarget() throws {
    @Sendable func add(_ a: Int, _ b: Int) async throws -> Int {
      await Task.yield()
      return a + b
    }
    @Sendable func greet(_ greeting: Greeting) async -> String {
      await Task.yield()
      return greeting.first + greeting.second
    }
    @Sendable func both(_ number: Int, _ greeting: Greeting) async -> String {
      "\(number) \(await greet(greeting))"
    }
    XCTAssertEqual(try result(Process(target: add, args: (1, 2))), 3)
    XCTAssertEqual(try result(Process(target: greet, args: (Greeting(first: "a", second: "b")))), "ab")
    XCTAssertEqual(try result(Process(target: greet, kwargs: ["second": "d", "first": "c"])), "cd")
    XCTAssertEqual(try result(Process(target: both, args: (7), kwargs: ["second": "f", "first": "e"])), "7 ef")
    XCTAssertEqual(try result(Process { try await add(3, 4) }), 7)
    XCTAssertEqual(try result(Process(name: "worker") { try await add(5, 6) }), 11)
    XCTAssertEqual(try result(Process(daemon: true) { try await add(7, 8) }), 15)
    XCTAssertEqual(try Process.run { try await add(9, 10) }, 19)
  }

  func testEveryFormWithoutAResult() throws {
    let mailbox = Mailbox()
    @Sendable func post(_ a: Int, _ text: String) async { mailbox.post("\(a) \(text)") }
    @Sendable func postGreeting(_ greeting: Greeting) async throws { mailbox.post(greeting.first) }
    @Sendable func postBoth(_ a: Int, _ greeting: Greeting) async throws { mailbox.post("\(a) \(greeting.second)") }
    let processes: [ProcessBase] = [
      Process(target: post, args: (1, "one")),
      Process(target: postGreeting, kwargs: ["first": "two", "second": ""]),
      Process(target: postBoth, args: (3), kwargs: ["first": "", "second": "three"]),
      Process { await post(4, "four") },
      Process(name: "worker") { await post(5, "five") },
      Process(daemon: true) { await post(6, "six") },
    ]
    for process in processes {
      try process.start()
      XCTAssertTrue(try process.join(timeout: .seconds(60)))
      XCTAssertEqual(process.exitCode, 0, process.name)
    }
    XCTAssertEqual(try mailbox.waiting(), ["1 one", "two", "3 three", "4 four", "5 five", "6 six"])
    try Process.run { await post(7, "seven") }
    XCTAssertEqual(try mailbox.next(), "7 seven")
  }

  /// A target without `await` runs on the child's only thread, and one with it beside the main thread.
  func testTheCompilerTellsThemApart() throws {
    func isAsync<Output>(_ process: Process<Output>) -> Bool {
      do { try process.run() } catch ProcessError.unsupportedArgument { return true } catch {}
      return false
    }
    @Sendable func synchronous() {}
    @Sendable func asynchronous() async {}
    @Sendable func number() -> Int { 1 }
    @Sendable func asyncNumber() async -> Int { 1 }
    XCTAssertFalse(isAsync(Process {}))
    XCTAssertFalse(isAsync(Process { 1 }))
    XCTAssertFalse(isAsync(Process { synchronous() }))
    XCTAssertFalse(isAsync(Process { _ = Task { await asynchronous() } }))
    XCTAssertFalse(isAsync(Process(target: synchronous)))
    XCTAssertFalse(isAsync(Process(target: number)))
    XCTAssertFalse(isAsync(Process(target: { (a: Int) in a }, args: (1))))
    XCTAssertTrue(isAsync(Process { await asynchronous() }))
    XCTAssertTrue(isAsync(Process { await asyncNumber() }))
    XCTAssertTrue(isAsync(Process { try await Task.sleep(for: .zero) }))
    XCTAssertTrue(isAsync(Process(target: asynchronous)))
    XCTAssertTrue(isAsync(Process(target: asyncNumber)))
    XCTAssertTrue(isAsync(Process(target: { (a: Int) async in a }, args: (1))))
    XCTAssertEqual(try Process.run { Self.onMainThread() }, true)
    XCTAssertEqual(
      try Process.run {
        await Task.yield()
        return Self.onMainThread()
      }, false)
    XCTAssertEqual(
      try Process.run { @MainActor in
        await Task.yield()
        return Self.onMainThread()
      }, true)
  }

  // MARK: Subclasses

  private class Poster: AsyncProcessBase {
    let mailbox = Mailbox()
    var text = "?"

    override func run() async throws {
      try await Task.sleep(for: .milliseconds(1))
      mailbox.post("\(text) \(name) \(pid ?? -1)")
    }
  }

  private final class TwicePoster: Poster {
    override func run() async throws {
      try await super.run()
      try await super.run()
    }
  }

  private final class SynchronousPoster: AsyncProcessBase {
    let mailbox = Mailbox()
    override func run() { mailbox.post("synchronous") }
  }

  private final class Failing: AsyncProcessBase {
    override func run() async throws { throw Trouble(number: 4) }
  }

  private final class AsyncIdle: AsyncProcessBase {}

  func testSubclasses() throws {
    let poster = TwicePoster()
    poster.text = "as at the start"
    try poster.start()
    poster.text = "changed"
    XCTAssertTrue(try poster.join(timeout: .seconds(60)))
    let line = "as at the start \(poster.name) \(poster.pid!)"
    XCTAssertEqual(try poster.mailbox.waiting(), [line, line])
    XCTAssert(poster.name.hasPrefix("TwicePoster-"), poster.name)

    let synchronous = SynchronousPoster()
    let idle = AsyncIdle()
    for process in [synchronous, idle] {
      try process.start()
      XCTAssertTrue(try process.join(timeout: .seconds(60)))
      XCTAssertEqual(process.exitCode, 0)
    }
    XCTAssertEqual(try synchronous.mailbox.waiting(), ["synchronous"])
  }

  func testAnErrorOfASubclass() throws {
    let failing = Failing()
    let text = try capturing(STDERR_FILENO) {
      try failing.start()
      try failing.join()
    }
    XCTAssertEqual(failing.exitCode, 1)
    XCTAssertEqual(failing.terminationError as? Trouble, Trouble(number: 4))
    XCTAssert(text.contains("Failing") && text.contains("Trouble"), text)
  }

  // MARK: Ends

  func testAnError() throws {
    let process = Process { () async throws -> Int in
      await Task.yield()
      throw Trouble(number: 9)
    }
    _ = try capturing(STDERR_FILENO) {
      try process.start()
      assertThrows(Trouble(number: 9)) { try process.result() }
    }
    XCTAssertEqual(process.exitCode, 1)
  }

  func testExitInATask() throws {
    @Sendable func end(_ isOnMainActor: Bool) async {
      if isOnMainActor { await Self.endOnMainActor() }
      let task = Task { if !isOnMainActor { exit(3) } }
      await task.value
    }
    for isOnMainActor in [false, true] {
      let mailbox = Mailbox()
      let process = Process {
        atExit { mailbox.post("block") }
        await end(isOnMainActor)
      }
      try process.start()
      assertThrows(ProcessError.exited(3)) { try process.result() }
      XCTAssertEqual(try mailbox.waiting(), ["block"])
    }
  }

  func testBlocksAtTheEndRunOnce() throws {
    let mailbox = Mailbox()
    let value = try Process.run {
      atExit { mailbox.post(Self.onMainThread() ? "main" : "other") }
      await Task.yield()
      return 5
    }
    XCTAssertEqual(value, 5)
    XCTAssertEqual(try mailbox.waiting(), ["main"])
  }

  func testWhatTheBodyLeavesRunningEndsWithIt() throws {
    let value = try Process.run {
      for _ in 0..<20 { Task { while true { await Task.yield() } } }
      Task { @MainActor in try await Task.sleep(for: .seconds(3600)) }
      try await Task.sleep(for: .milliseconds(10))
      return 6
    }
    XCTAssertEqual(value, 6)
  }

  func testACrash() throws {
    let onPool = Process {
      await Task.yield()
      let numbers = [Int](repeating: 0, count: Int(getpid() & 1))
      _ = numbers[5 + numbers.count]
    }
    let onMainActor = Process { await Self.crashOnMainActor() }
    for (process, message) in [(onPool, "Index out of range"), (onMainActor, "on the main actor")] {
      try process.start()
      let report = try crash(of: process)
      XCTAssertEqual(report.message?.contains(message), true, "\(report)")
      XCTAssert(report.backtrace.contains { $0.file?.hasSuffix("AsyncProcessTests.swift") == true }, "\(report)")
    }
  }

  func testAStackOverflowOnTheThreadsOfThePool() throws {
    @Sendable func deepen(_ depth: Int) -> Int {
      depth < 0
        ? 0
        : withUnsafeTemporaryAllocation(of: Int.self, capacity: 64) {
          $0[0] = depth
          return deepen(depth + 1) + $0[0]
        }
    }
    let process = Process {
      await Task.yield()
      return deepen(0)
    }
    try process.start()
    XCTAssertEqual(try crash(of: process).signal, .segmentationFault)
  }

  func testLimits() throws {
    XCTAssertEqual(
      try Process.run(limits: ResourceLimits(memory: 64 << 20, openFiles: 64)) {
        await withTaskGroup(of: Int.self) { group in
          for number in 0..<100 { group.addTask { number } }
          return await group.reduce(0, +)
        }
      }, 4950)
    let hungry = Process { () async throws -> Int in
      await Task.yield()
      var blocks: [[UInt8]] = []
      while true { blocks.append([UInt8](repeating: 1, count: 1 << 20)) }
    }
    hungry.limits = ResourceLimits(memory: 64 << 20)
    try hungry.start()
    guard case .limitExceeded = thrown(ProcessError.self, by: { try hungry.result(timeout: .seconds(60)) }) else {
      return XCTFail("\(hungry.terminationError as Any)")
    }
  }

  func testATimeoutEndsTheChild() throws {
    _ = thrown(TimeoutError.self) {
      try Process.run(timeout: .milliseconds(50)) { try await Task.sleep(for: .seconds(3600)) }
    }
    XCTAssertEqual(activeChildren(), [])
  }

  // MARK: Families

  func testChildrenOfChildren() throws {
    let words = try Process.run(timeout: .seconds(60)) {
      let outer = await MainActor.run { getpid() }
      // From a task of a child, to each kind of child, and on.
      let synchronous = try await Process.run { "synchronous \(getppid() == outer)" }
      let asynchronous = try await Process.run {
        try await Task.sleep(for: .milliseconds(1))
        let below = try await Process.run { await Task { "below" }.value }
        return await MainActor.run { "async \(getppid() == outer) \(below) \(Self.onMainThread())" }
      }
      // The executors of this one go on.
      try await Task.sleep(for: .milliseconds(1))
      return [synchronous, asynchronous]
    }
    XCTAssertEqual(words, ["synchronous true", "async true below true"])
  }

  func testAnAsyncChildOfASynchronousOne() throws {
    XCTAssertEqual(try Process.run { try Process.run { await Task { 8 }.value } }, 8)
  }

  func testManyAtOnce() throws {
    let processes = (0..<20).map { number in
      Process { () async throws -> Int in
        try await Task.sleep(for: .milliseconds(number % 5))
        return await withTaskGroup(of: Int.self) { group in
          for _ in 0..<number { group.addTask { 1 } }
          return await group.reduce(0, +)
        }
      }
    }
    for process in processes { try process.start() }
    XCTAssertEqual(try processes.map { try $0.result(timeout: .seconds(60)) }, Array(0..<20))
  }
}
