import CMultiprocessing
import Foundation
import Glibc
import MultiprocessingEngine
import XCTest

/// Every way to crash, seen from the parent.
final class CrashKindTests: XCTestCase {
  func testEveryKindIsReported() throws {
    for kind in CrashKind.all {
      let outcome = try CrashChild.run { _ in kind.crash() }
      XCTAssertEqual(outcome.signal, kind.signal, kind.name)
      let record = try outcome.record()
      XCTAssertEqual(record.signal, kind.signal, kind.name)
      XCTAssertFalse(record.isFromOutside, kind.name)
      XCTAssertFalse(record.isAllocationFailure, kind.name)
      XCTAssertEqual(record.isStackOverflow, kind.name == "recursion", kind.name)
      XCTAssertEqual(record.thread, record.process, kind.name)

      let symbolication = Symbolication(of: record)
      let message = record.message ?? symbolication.runtimeFailure
      XCTAssert(kind.messages.contains(message), "\(kind.name): \(String(describing: message))")
      let innermost = symbolication.frames.first { $0.file?.hasSuffix("CrashingFunctions.swift") == true }
      XCTAssertEqual(innermost?.function, kind.function, kind.name)
      XCTAssertEqual(innermost?.line, try kind.line(), kind.name)
      // The machinery of dying is left out, at most the operation that failed stands before its caller.
      XCTAssertLessThanOrEqual(
        symbolication.frames.firstIndex { $0.function == kind.function } ?? .max, 2, kind.name)
    }
  }

  func testFaultAddressIsTold() throws {
    func address(_ name: String) throws -> UInt? {
      let kind = try XCTUnwrap(CrashKind.all.first { $0.name == name })
      return try CrashChild.run { _ in kind.crash() }.record().faultAddress
    }
    XCTAssertEqual(try address("null"), 8)
    XCTAssertEqual(try address("unmapped"), 0x1234_5678_0000)
    XCTAssertEqual(try address("call"), 0)
    XCTAssertNil(try address("abort"))
  }

  func testTheToolchainsBacktracerDoesNotRun() throws {
    let text = try CrashChild.run { _ in crashByFatalError("once") }.standardErrorText
    XCTAssert(text.contains(": Fatal error: told: once\n"), text)
    XCTAssertFalse(text.contains("Backtracing") || text.contains("Program crashed"), text)
  }

  func testTheProgramsOwnOutputIsNotTheMessage() throws {
    let printed = try CrashChild.run { _ in
      printError("main.swift:1: Fatal error: only a joke\n")
      _ = crashByNull(opaque(8))
    }
    XCTAssertNil(try printed.record().message)
    let both = try CrashChild.run { _ in
      printError("working on it… ")
      crashByFatalError("the end")
    }
    XCTAssertEqual(try both.record().message, "told: the end")
  }

  func testTheRuntimesOwnStackTraceDoesNotHideTheMessage() throws {
    // Printed like this where the toolchain's backtracer is off.
    let trace = (0..<60).map {
      "\($0)".padding(toLength: 5, withPad: " ", startingAt: 0) + "app 0x00007f00 main + 1\n"
    }
    let outcome = try CrashChild.run { _ in
      printError("main.swift:1: Fatal error: one\ntwo\n")
      printError("Current stack trace:\n")
      for line in trace { printError(line) }
      crashByAbort()
    }
    XCTAssertEqual(try outcome.record().message, "one\ntwo")
    XCTAssert(outcome.standardErrorText.hasSuffix(trace.joined()), "the stream itself loses nothing")
  }

  func testAMessageLongerThanTheRoomKeepsItsBeginning() throws {
    let outcome = try CrashChild.run { _ in
      printError("before\n")
      crashByFatalError(String(repeating: "가나다", count: 2_000))
    }
    let message = try XCTUnwrap(outcome.record().message)
    XCTAssert(message.hasPrefix("told: 가나다가나다"), message)
    XCTAssert(message.hasSuffix("…"), message)
    XCTAssertGreaterThan(outcome.standardError.count, 18_000, "the stream itself loses nothing")
  }

  func testOutOfMemoryIsToldApart() throws {
    func limitMemory() {
      var limit = rlimit(rlim_cur: 48 << 20, rlim_max: 48 << 20)
      XCTAssertEqual(setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit), 0)
    }
    let array = try CrashChild.run { _ in
      limitMemory()
      var numbers: [Int] = []
      while true { numbers.append(numbers.count) }
    }
    XCTAssertEqual(array.signal, SIGABRT)
    XCTAssertTrue(try array.record().isAllocationFailure)
    XCTAssertEqual(try array.record().message?.hasPrefix("failed to allocate "), true)

    final class Node {
      let next: Node?
      init(_ next: Node?) { self.next = next }
    }
    // Not even the message can be allocated, and the runtime stumbles over that.
    let object = try CrashChild.run { _ in
      limitMemory()
      var list: Node?
      while true { list = Node(list) }
    }
    XCTAssertTrue(try object.record().isAllocationFailure)
    XCTAssertEqual(try Symbolication(of: object.record()).frames.first?.function, "swift_slowAlloc")
  }
}
