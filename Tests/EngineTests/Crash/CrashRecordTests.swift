import CMultiprocessing
import Glibc
import MultiprocessingEngine
import XCTest

/// Reading a record, and the sentence in it, without any process.
final class CrashRecordTests: XCTestCase {
  func testHostileBytesAreRefused() throws {
    let good = bytes(of: record(signal: SIGABRT))
    XCTAssertNotNil(CrashRecord(good))
    XCTAssertNil(CrashRecord([]))
    XCTAssertNil(CrashRecord(Array(good.dropLast())))
    XCTAssertNil(CrashRecord(good + [0]))
    func broken(_ change: (inout mp_crash_record) -> Void) -> CrashRecord? {
      var raw = record(signal: SIGABRT)
      change(&raw)
      return CrashRecord(bytes(of: raw))
    }
    XCTAssertNil(broken { $0.magic = 0 })
    XCTAssertNil(broken { $0.version = 99 })
    XCTAssertNil(broken { $0.address_count = UInt32(MP_CRASH_ADDRESS_LIMIT) + 1 })
    XCTAssertNil(broken { $0.address_count = .max })
    XCTAssertNil(broken { $0.message_length = UInt32(MP_CRASH_MESSAGE_LIMIT) + 1 })
    XCTAssertNil(broken { $0.last_write_length = 1 })
    XCTAssertNotNil(broken { $0.address_count = UInt32(MP_CRASH_ADDRESS_LIMIT) })
  }

  func testRandomContentsNeverTrap() throws {
    var generator = SystemRandomNumberGenerator()
    for round in 0..<2_000 {
      var raw = bytes(of: record(signal: [SIGILL, SIGSEGV, SIGABRT, SIGTRAP].randomElement()!, message: "x"))
      for _ in 0..<200 { raw[Int.random(in: 8..<raw.count)] = UInt8.random(in: 0...255, using: &generator) }
      guard let record = CrashRecord(raw) else { continue }
      _ = record.message
      _ = record.isAllocationFailure
      if round % 100 == 0 { _ = Symbolication(of: record) }
    }
  }

  func testWhoSentTheSignal() throws {
    var raw = record(signal: SIGSEGV)
    raw.process = 10
    raw.sender = 11
    raw.code = 0
    XCTAssertEqual(CrashRecord(bytes(of: raw))?.isFromOutside, true)
    raw.sender = 10
    XCTAssertEqual(CrashRecord(bytes(of: raw))?.isFromOutside, false)
    raw.code = 1
    raw.sender = 11
    XCTAssertNil(CrashRecord(bytes(of: raw))?.sender)
  }

  func testSentences() throws {
    let cases: [(String, String?)] = [
      ("main/a.swift:12: Fatal error: Index out of range\n", "Index out of range"),
      ("Swift/ContiguousArrayBuffer.swift:692: Fatal error: Index out of range\n", "Index out of range"),
      ("Fatal error: Attempted to read an unowned reference\n", "Attempted to read an unowned reference"),
      ("a b/c d.swift:1: Fatal error\n", "Fatal error"),
      ("x.swift:3: Fatal error: one\ntwo: 2: three\n", "one\ntwo: 2: three"),
      ("x.swift:3: Precondition failed: n > 0\n", "Precondition failed: n > 0"),
      ("x.swift:3: Precondition failed\n", "Precondition failed"),
      ("x.swift:3: Assertion failed: no\n", "Assertion failed: no"),
      (
        "x.swift:3: Fatal error: 'try!' expression unexpectedly raised an error: E.bad\n",
        "'try!' expression unexpectedly raised an error: E.bad"
      ),
      (
        "Could not cast value of type 'A' (0x7f01) to 'B (0xzz)' (0x7f02).\n",
        "Could not cast value of type 'A' to 'B (0xzz)'."
      ),
      ("Could not cast value of type 'A' (0x7f01\n", "Could not cast value of type 'A' (0x7f01"),
      ("prog: a.c:18: void f(int): Assertion `x == 1' failed.\n", "Assertion `x == 1' failed."),
      ("Fatal access conflict detected.\n", "Fatal access conflict detected."),
      ("plain output\n", nil),
      ("a note: Fatal error: quoted\n", nil),
      (": : Fatal error: odd\n", nil),
      ("\n", nil),
      ("", nil),
    ]
    for (text, expected) in cases {
      XCTAssertEqual(try sentence(text), expected, text)
    }
  }

  func testSentencesAmongOtherOutput() throws {
    // What the last call wrote comes first, then the last line that looks like a message.
    XCTAssertEqual(
      try sentence("a.swift:1: Fatal error: old\nb.swift:2: Fatal error: new\n", last: 28), "new")
    XCTAssertEqual(try sentence("log… b.swift:2: Fatal error: new\n", last: 28), "new")
    XCTAssertEqual(try sentence("b.swift:2: Fatal error: new\nanother thread\n", last: 15), "new")
    XCTAssertEqual(
      try sentence(
        "Simultaneous accesses to 0x1, but modification requires exclusive access.\n0 libswiftCore.so\n"
          + "Fatal access conflict detected.\n", last: 32),
      "Simultaneous accesses to 0x1, but modification requires exclusive access.")
    XCTAssertEqual(
      try sentence(
        "terminate called after throwing an instance of 'std::runtime_error'\n  what():  boom\n", last: 1),
      "terminate called after throwing an instance of 'std::runtime_error', what():  boom")
  }

  private func sentence(_ text: String, last: Int? = nil) throws -> String? {
    var raw = record(signal: SIGABRT, message: text)
    raw.last_write_length = UInt32(last ?? text.utf8.count)
    return try XCTUnwrap(CrashRecord(bytes(of: raw))).message
  }

  private func record(signal: Int32, message: String = "") -> mp_crash_record {
    var raw = mp_crash_record()
    raw.magic = UInt32(MP_CRASH_MAGIC)
    raw.version = UInt32(MP_CRASH_VERSION)
    raw.signal = signal
    raw.code = 1
    raw.fault_address = 8
    raw.stack_pointer = 0x7000_0000_0000
    raw.message_length = UInt32(message.utf8.count)
    withUnsafeMutableBytes(of: &raw.message) { $0.copyBytes(from: message.utf8) }
    return raw
  }

  private func bytes(of raw: mp_crash_record) -> [UInt8] {
    withUnsafeBytes(of: raw) { Array($0) }
  }
}
