import Foundation
import Multiprocessing
import TestSupport
import XCTest

// Every way in which a program may write a thread, in a file that imports Foundation as well, whose `Thread` and `Timer` are other
// types.

private func product(_ a: Int, _ b: Int) -> Int { a * b }
private func shout(_ text: String) throws -> String { text.uppercased() }
private func nothing() {}
private func nothingOrMore() throws {}
private func six() -> Int { 6 }
private func half(_ number: Int) throws -> Double { Double(number) / 2 }

private struct Greeting: Decodable {
  var test, test2: String
}

private func greet(_ greeting: Greeting) -> String { greeting.test + greeting.test2 }
private func greetTimes(_ times: Int, _ greeting: Greeting) throws -> [String] {
  Array(repeating: greeting.test, count: times)
}

/// Not `Codable`: it goes to a thread as it is.
private final class Opaque: Sendable {
  let number: Int
  init(_ number: Int) { self.number = number }
}

private final class Greeter: ThreadBase {
  let greeting: String
  var answer = ""

  init(_ greeting: String) {
    self.greeting = greeting
    super.init()
  }

  override func run() throws { answer = "\(greeting) from \(currentThread().name)" }
}

private final class Plain: ThreadBase {
  override func run() {}
}

final class ThreadSpellingTests: TaskTestCase {
  private func value<Output>(of thread: Multiprocessing.Thread<Output>) throws -> Output {
    try thread.start()
    return try thread.result()
  }

  func testTargets() throws {
    XCTAssertEqual(try value(of: Thread(target: product, args: (6, 7))), 42)
    XCTAssertEqual(try value(of: Thread(target: shout, args: ("loud"))), "LOUD")
    XCTAssertEqual(try value(of: Thread(target: half, args: 5)), 2.5)
    XCTAssertEqual(try value(of: Thread(target: six)), 6)
    XCTAssertEqual(try value(of: Thread(target: six, name: "named", daemon: true)), 6)
    XCTAssertEqual(try value(of: Thread(target: { (a: Int, b: Int) in a - b }, args: (6, 7), name: "minus")), -1)
    XCTAssertEqual(try value(of: Thread(target: { "closure" })), "closure")
    XCTAssertEqual(
      try value(of: Thread(target: { (opaque: Opaque) in Opaque(opaque.number + 1) }, args: (Opaque(1)))).number, 2)
    XCTAssertEqual(try value(of: Thread(target: greet, kwargs: ["test2": "b", "test": "a"])), "ab")
    XCTAssertEqual(
      try value(of: Thread(target: greetTimes, args: (2), kwargs: ["test": "a", "test2": ""])), ["a", "a"])
    try value(of: Thread(target: nothing))
    try value(of: Thread(target: nothingOrMore))
    try value(of: Thread(target: { (_: Int) in }, args: (1)))
    try value(of: Thread(target: { print("", terminator: "") }, daemon: false))
  }

  func testTrailingClosures() throws {
    XCTAssertEqual(try value(of: Thread(name: "named") { 1 }), 1)
    XCTAssertEqual(try value(of: Thread(name: "named", daemon: true) { 1 }), 1)
    XCTAssertEqual(try value(of: Thread(daemon: true) { 1 }), 1)
    XCTAssertEqual(try value(of: Multiprocessing.Thread { 1 }), 1)
    XCTAssertEqual(try value(of: Multiprocessing.Thread<Int> { 1 }), 1)
    try value(of: Multiprocessing.Thread { print("", terminator: "") })
    let typed: Multiprocessing.Thread<String> = Thread(target: { "typed" })
    XCTAssertEqual(try value(of: typed), "typed")
  }

  func testStatements() throws {
    let thread = Thread(target: product, args: (6, 7))
    try thread.start()
    thread.name = "renamed"
    try thread.join()
    XCTAssertTrue(try thread.join(timeout: .seconds(1)))
    XCTAssertEqual(try thread.result(timeout: .seconds(1)), 42)
    XCTAssertEqual(thread.name, "renamed")
    XCTAssertFalse(thread.isDaemon)
    XCTAssertFalse(thread.isAlive)
    let number: UInt64? = thread.nativeID
    XCTAssertNotEqual(number, nativeThreadID())
  }

  func testSubclasses() throws {
    let greeter = Greeter("hello")
    try greeter.start()
    try greeter.join()
    XCTAssertEqual(greeter.answer, "hello from \(greeter.name)")
    let plain: ThreadBase = Plain()
    try plain.start()
    try plain.join()
  }

  func testTasks() async throws {
    let thread = Thread(target: product, args: (6, 7))
    try thread.start()
    try await thread.join()
    let hasEnded = try await thread.join(timeout: .seconds(1))
    XCTAssertTrue(hasEnded)
    let values = try await [thread.result(), thread.result(timeout: .seconds(1)), thread.value]
    XCTAssertEqual(values, [42, 42, 42])
  }

  func testTimers() throws {
    let flag = Flag()
    let timer = Timer(interval: .milliseconds(1), target: { flag.raise() })
    try timer.start()
    XCTAssertTrue(try timer.join())
    XCTAssertTrue(flag.isRaised)
    let other = Timer(interval: .seconds(600)) { XCTFail("cancelled") }
    try other.start()
    other.cancel()
    try other.join(timeout: .seconds(60))
  }

  func testThreadLocals() throws {
    let local = ThreadLocal(1)
    local.value += 1
    let names = ThreadLocal<[String]>([])
    names.value.append("one")
    let thread = Thread(target: { local.value })
    try thread.start()
    XCTAssertEqual(try thread.result(), 1)
    XCTAssertEqual(local.value, 2)
    XCTAssertEqual(names.value, ["one"])
  }

  func testErrors() throws {
    let thread = Thread(target: six)
    do {
      try thread.join()
    } catch ThreadError.notStarted {}
    try thread.start()
    do {
      try thread.start()
    } catch let error as ThreadError {
      XCTAssertEqual(error, .alreadyStarted)
    }
    try thread.join()
  }
}
