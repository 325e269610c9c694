import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import Multiprocessing

extension TemporaryFile {
  /// By which others can open it, while it is there.
  fileprivate var path: String { "/proc/\(getpid())/fd/\(descriptor)" }
}

private func key(_ position: Int, _ input: String = "input") -> JobKey {
  Array(input.utf8).withUnsafeBytes { JobKey(position: position, input: $0) }
}

private func entry(
  _ position: Int, _ outcome: JobLogEntry.Outcome = .succeeded, result: [UInt8]? = nil
) -> JobLogEntry {
  JobLogEntry(
    key: key(position), worker: 42, start: .milliseconds(1_700_000_000_001), duration: .milliseconds(250),
    outcome: outcome, result: result)
}

final class JobLogTests: AuditedTestCase {
  // MARK: Lines

  func testALine() {
    XCTAssertEqual(
      entry(0, result: [1, 2, 3]).line,
      "1\t42\t1700000000.001\t0.250\tok\t\(String(key(0).hash, radix: 16))\t\tAQID")
    XCTAssertEqual(
      JobLogEntry.heading.split(separator: "\t").count,
      entry(0).line.split(separator: "\t", omittingEmptySubsequences: false).count)
  }

  func testLinesComeBack() {
    for result in [nil, [0], [1, 2], [1, 2, 3], (0...255).map { UInt8($0) }] as [[UInt8]?] {
      for outcome in [JobLogEntry.Outcome.succeeded, .failed("no such file")] {
        let entry = entry(7, outcome, result: result)
        XCTAssertEqual(JobLogEntry(line: entry.line), entry)
      }
    }
  }

  func testAnErrorIsOneField() {
    let long = String(repeating: "x", count: 10_000)
    for text in ["a\tb\nc\r\nd", "", "\n", long] {
      let line = entry(1, .failed(text)).line
      XCTAssertFalse(line.contains { $0.isNewline })
      XCTAssertLessThan(line.count, 700)
      guard case .failed(let error)? = JobLogEntry(line: line)?.outcome else { return XCTFail(line) }
      XCTAssertFalse(error.isEmpty)
    }
  }

  func testWhatIsNoLineIsPassedOver() {
    let line = entry(3, result: [1, 2, 3, 4]).line
    for end in 0..<line.count {
      XCTAssertNil(JobLogEntry(line: line.prefix(end)).flatMap { $0 == entry(3, result: [1, 2, 3, 4]) ? $0 : nil })
    }
    for text in [
      JobLogEntry.heading, "", "\t\t\t\t\t\t\t", line + "\t", "0" + line.dropFirst(),
      line.replacing("ok", with: "perhaps"), line.dropLast() + "?",
    ] {
      XCTAssertNil(JobLogEntry(line: String(text)), String(text))
    }
  }

  func testKeys() {
    XCTAssertEqual(key(0, "").hash, 0xCBF2_9CE4_8422_2325)
    XCTAssertEqual(key(0, "a").hash, 0xAF63_DC4C_8601_EC8C)
    XCTAssertNotEqual(key(0), key(1))
    XCTAssertNotEqual(key(0, "a"), key(0, "b"))
  }

  func testBase64() {
    let pairs = [
      "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=", "foobar": "Zm9vYmFy",
    ]
    for (text, encoded) in pairs {
      XCTAssertEqual(Base64.encode(Array(text.utf8)), encoded)
      XCTAssertEqual(Base64.decode(encoded), Array(text.utf8))
    }
    for text in ["A", "AB", "ABC", "====", "A===", "AB=C", "AB C", "é==="] { XCTAssertNil(Base64.decode(text), text) }
  }

  // MARK: Files

  func testALogBeginsAnewOrGoesOn() throws {
    let file = TemporaryFile()
    do {
      let log = try JobLog(file.path, resume: false)
      try log.add(entry(0, result: [9]))
      try log.add(entry(1, .failed("no")))
      try log.add(entry(2))
      XCTAssertFalse(log.hasSucceeded(key(0)), "known from former runs alone")
    }
    do {
      let log = try JobLog(file.path, resume: true)
      XCTAssertEqual([0, 1, 2, 3].map { log.hasSucceeded(key($0)) }, [true, false, true, false])
      XCTAssertFalse(log.hasSucceeded(key(0, "another input")))
      XCTAssertEqual(log.result(of: key(0)), [9])
      XCTAssertNil(log.result(of: key(2)))
      try log.add(entry(1))
    }
    XCTAssertEqual(
      try [0, 1, 2].map { try JobLog(file.path, resume: true).hasSucceeded(key($0)) }, [true, true, true])
    XCTAssertEqual(file.text.split(separator: "\n").count, 5)
    XCTAssertFalse(try JobLog(file.path, resume: false).hasSucceeded(key(0)))
    XCTAssertEqual(file.text, JobLogEntry.heading + "\n")
  }

  func testATornLineIsPassedOver() throws {
    let file = TemporaryFile()
    let whole = JobLogEntry.heading + "\n" + entry(0).line + "\n"
    let torn = entry(1, result: [1, 2, 3, 4, 5]).line
    for length in 1...torn.count {
      let text = Array((whole + torn.prefix(length)).utf8)
      ftruncate(file.descriptor, 0)
      XCTAssertEqual(pwrite(file.descriptor, text, text.count, 0), text.count)
      let log = try JobLog(file.path, resume: true)
      XCTAssertTrue(log.hasSucceeded(key(0)))
      try log.add(entry(2))
      let again = try JobLog(file.path, resume: true)
      XCTAssertTrue(again.hasSucceeded(key(2)), "the next line begins on a line of its own")
    }
  }

  func testWhatAKilledProgramLeaves() throws {
    let file = TemporaryFile()
    let mailbox = Mailbox()
    let path = file.path
    let child = Process {
      let log = try JobLog(path, resume: false)
      for number in 0... {
        try log.add(entry(number))
        mailbox.post("\(number)")
      }
    }
    try child.start()
    var last = 0
    while last < 50 { last = Int(try mailbox.nextNumber()) }
    try child.kill()
    try child.join()
    let log = try JobLog(file.path, resume: true)
    XCTAssertTrue((0...last).allSatisfy { log.hasSucceeded(key($0)) })
    for line in file.text.split(separator: "\n").dropFirst() { XCTAssertNotNil(JobLogEntry(line: line)) }
  }

  func testSeveralWritersDoNotMix() throws {
    let file = TemporaryFile()
    let log = try JobLog(file.path, resume: false)
    let path = file.path
    let other = try Process.run {
      let log = try JobLog(path, resume: true)
      _ = concurrently(4) { number in for index in 0..<100 { try? log.add(entry(1_000 * number + index)) } }
      return true
    }
    XCTAssertTrue(other)
    _ = concurrently(4) { number in for index in 0..<100 { try? log.add(entry(10_000 * number + index)) } }
    XCTAssertEqual(JobLog.successes(in: Array(file.text.utf8)).count, 800 - 100)
  }

  func testPathsThatCannotBe() {
    XCTAssertEqual(thrown(SystemError.self) { try JobLog("/nowhere/at/all", resume: true) }?.errno, ENOENT)
    XCTAssertEqual(thrown(SystemError.self) { try JobLog("/tmp", resume: false) }?.errno, EISDIR)
  }

  #if DEBUG
    func testAFullDisk() throws {
      let file = TemporaryFile()
      let log = try JobLog(file.path, resume: false)
      try log.add(entry(0))
      mp_fault_arm(MP_SIDE_PARENT, 0, ENOSPC, 1)
      defer { mp_fault_disarm() }
      XCTAssertEqual(thrown(SystemError.self) { try log.add(entry(1)) }?.errno, ENOSPC)
      try log.add(entry(2))
      let again = try JobLog(file.path, resume: true)
      XCTAssertEqual([0, 1, 2].map { again.hasSucceeded(key($0)) }, [true, false, true])
    }
  #endif
}
