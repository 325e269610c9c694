import CMultiprocessing
import Foundation
import Multiprocessing
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// The bytes of an event, and what comes of a file that takes no more.
final class TraceLineTests: AuditedTestCase {
  private func line(_ event: TraceEvent) -> String {
    withUnsafeTemporaryAllocation(byteCount: TraceLine.capacity, alignment: 1) { buffer in
      var line = TraceLine(buffer)
      event.write(to: &line)
      return String(decoding: line.bytes, as: UTF8.self)
    }
  }

  private func event(_ name: String) -> TraceEvent {
    TraceEvent(name: name, category: "user", phase: .begin, process: 12, thread: 34, time: 5_000_067)
  }

  private func parsed(_ line: String) throws -> [String: Any] {
    XCTAssertTrue(line.hasPrefix("\n{") && line.hasSuffix("},"), line)
    XCTAssertEqual(line.dropFirst().firstIndex(of: "\n"), nil)
    let value = try JSONSerialization.jsonObject(with: Data(line.dropLast().utf8))
    return try XCTUnwrap(value as? [String: Any])
  }

  func testAnEvent() {
    var event = event("add up")
    XCTAssertEqual(
      line(event), "\n{\"name\":\"add up\",\"cat\":\"user\",\"ph\":\"B\",\"pid\":12,\"tid\":34,\"ts\":5000.067},")
    event.phase = .complete
    event.duration = 1_234_567
    event.id = 9
    event.arguments = [("child", .number(-5)), ("name", .text("x"))]
    XCTAssertEqual(
      line(event),
      "\n{\"name\":\"add up\",\"cat\":\"user\",\"ph\":\"X\",\"pid\":12,\"tid\":34,\"ts\":5000.067,\"dur\":1234.567,"
        + "\"id2\":{\"local\":\"9\"},\"args\":{\"child\":-5,\"name\":\"x\"}},")
  }

  func testHostileNames() throws {
    let names = [
      "", "\"", "\\", "\"},{\"", "\n\r\t\u{0}\u{1}\u{1F}\u{7F}", "</script>", "테스트입니다", "👩‍👩‍👧‍👦", "\u{2028}", "e\u{301}",
      "\u{10FFFF}", "\u{FFFE}", "\u{202E}", "]", "[\n",
    ]
    for name in names { XCTAssertEqual(try parsed(line(event(name)))["name"] as? String, name) }
  }

  func testLongNamesAreCutBetweenCharacters() throws {
    for unit in ["x", "\"", "\u{1}", "é", "한", "🧵", "\\\u{0}é🧵"] {
      for padding in 0..<8 {
        let name = String(repeating: "a", count: padding) + String(repeating: unit, count: 3000)
        var event = event(name)
        event.arguments = [("one", .text(name)), ("two", .text(name)), ("three", .number(.min))]
        event.duration = .max
        event.time = .max
        event.id = .max
        let line = line(event)
        XCTAssertLessThan(line.utf8.count, TraceLine.capacity)
        let cut = try XCTUnwrap(try parsed(line)["name"] as? String)
        XCTAssertEqual(cut.unicodeScalars.last, "…")
        XCTAssertTrue(name.unicodeScalars.starts(with: cut.unicodeScalars.dropLast()))
      }
    }
  }

  func testTheLineOfACrash() throws {
    let file = TraceFile()
    try Trace.start(path: file.path)
    mp_trace_crash(SIGSEGV, 123, 456)
    mp_trace_crash(64, 1, 2)
    Trace.stop()
    let events = try file.events().filter { $0.category == "crash" }
    XCTAssertEqual(events.map(\.name), ["SIGSEGV", "signal"])
    XCTAssertEqual(events.map(\.pid), [123, 1])
    XCTAssertEqual(events.map(\.thread), [456, 2])
    XCTAssertEqual(events[0].arguments["signal"] as? Int32, SIGSEGV)
  }

  #if DEBUG
    func testAFullDiskEndsTheTraceAndIsToldOnce() throws {
      let file = TraceFile()
      try Trace.start(path: file.path)
      Trace.mark("before")
      let told = try capturing(2) {
        mp_fault_arm(MP_SIDE_PARENT, 0, ENOSPC, 1)
        Trace.mark("lost")
        mp_fault_disarm()
        XCTAssertFalse(Trace.isOn)
        Trace.mark("not tried")
        Trace.span("nor this") {}
      }
      XCTAssertEqual(
        told,
        "process \(getpid()): there is no trace of it from here on: cannot write to the trace: No space left on device\n"
      )
      XCTAssertEqual(try file.events().filter { $0.category == "user" }.map(\.name), ["before"])
      // The program can begin another one.
      try Trace.start(path: file.path)
      Trace.stop()
    }

    func testASignalIsNoFailure() throws {
      let file = TraceFile()
      try Trace.start(path: file.path)
      mp_fault_arm(MP_SIDE_PARENT, 0, EINTR, 3)
      Trace.mark("all the same")
      mp_fault_disarm()
      Trace.stop()
      XCTAssertEqual(try file.events().filter { $0.category == "user" }.map(\.name), ["all the same"])
    }

    func testEveryCallOfAStartCanFail() throws {
      let file = TraceFile()
      mp_fault_arm(MP_SIDE_PARENT, -1, 0, 0)
      try Trace.start(path: file.path)
      Trace.stop()
      var none = MP_CALL_TRACE
      let count = mp_fault_trace(MP_SIDE_PARENT, &none, 0)
      XCTAssertGreaterThan(count, 3)
      for index in 0..<count {
        mp_fault_arm(MP_SIDE_PARENT, index, EIO, 1)
        let told = try capturing(2) {
          do {
            try Trace.start(path: file.path)
          } catch let error as SystemError {
            XCTAssertEqual(error.errno, EIO)
            XCTAssertFalse(Trace.isOn)
          }
          Trace.stop()
        }
        XCTAssertLessThanOrEqual(told.split(separator: "\n").count, 1)
        XCTAssertTrue(mp_fault_struck())
        mp_fault_disarm()
      }
    }

    func testOffMakesNoCall() throws {
      let child = Process {}
      mp_fault_arm(MP_SIDE_PARENT, -1, 0, 0)
      try child.start()
      try child.join()
      var calls = [mp_call](repeating: MP_CALL_PIPE, count: Int(MP_FAULT_TRACE_CAPACITY))
      let count = Int(mp_fault_trace(MP_SIDE_PARENT, &calls, Int32(MP_FAULT_TRACE_CAPACITY)))
      mp_fault_disarm()
      XCTAssertGreaterThan(count, 0)
      XCTAssertFalse(calls[..<min(count, calls.count)].contains(MP_CALL_TRACE))
    }
  #endif
}
