import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Starts from many threads at once, and from threads of every kind.
final class ConcurrentStartTests: AuditedTestCase {
  override func setUpWithError() throws {
    // Made before the audit begins: they live as long as the program.
    _ = (Slow.gate, Slow.mailbox)
    try super.setUpWithError()
  }

  func testEightThreadsStartAtOnce() throws {
    for _ in 0..<5 {
      let results = concurrently(8) { number in
        Result {
          let process = Process(target: { (a: Int) in [a, Int(getppid())] }, args: (number))
          try process.start()
          return try process.result()
        }
      }
      for (number, result) in results.enumerated() {
        XCTAssertEqual(try result.get(), [number, Int(getpid())])
      }
      XCTAssertEqual(activeChildren(), [])
    }
  }

  func testNamesStayUnique() throws {
    let names = concurrently(8) { _ in (0..<50).map { _ in Process {}.name } }.flatMap { $0 }
    XCTAssertEqual(Set(names).count, 400)
  }

  func testThreadsThatComeAndGo() throws {
    for number in 0..<50 {
      let process = Process(target: { number })
      TestThread { try? process.start() }.join()
      let outcome = concurrently(1) { _ in try? process.result() }
      XCTAssertEqual(outcome, [number])
    }
  }

  func testLargePayloadsCrossAtOnce() throws {
    let sums = concurrently(6) { number -> Int in
      let bytes = [UInt8](repeating: UInt8(number), count: 2_000_000)
      let process = Process(target: { (bytes: [UInt8]) in bytes + [1] }, args: (bytes))
      guard (try? process.start()) != nil, let result = try? process.result() else { return -1 }
      return result.count + Int(result[0])
    }
    XCTAssertEqual(sums, (0..<6).map { 2_000_001 + $0 })
  }

  func testDescriptorsOfOtherThreadsDoNotMix() throws {
    // Files are opened and closed while children close what is not theirs.
    let isDone = Flag()
    let file = TemporaryFile()
    let results = concurrently(3) { number -> Bool in
      if number == 0 {
        let isFine = (0..<100).allSatisfy { value in
          let process = Process(target: { (a: Int) in a }, args: (value))
          return (try? process.start()) != nil && (try? process.result()) == value
        }
        isDone.raise()
        return isFine
      }
      while !isDone.isRaised {
        let copy = dup(file.descriptor)
        guard copy >= 0, write(copy, "x", 1) == 1, close(copy) == 0 else { return false }
      }
      return true
    }
    XCTAssertEqual(results, [true, true, true])
  }

  // MARK: A child that dies half-way

  private struct Slow: Codable, Sendable {
    static let gate = Gate()
    static let mailbox = Mailbox()

    var stopsWhenEncoded = false
    var stopsWhenDecoded = false

    init() {}

    private enum CodingKeys: String, CodingKey {
      case stopsWhenEncoded, stopsWhenDecoded
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(stopsWhenEncoded, forKey: .stopsWhenEncoded)
      try container.encode(stopsWhenDecoded, forKey: .stopsWhenDecoded)
      if stopsWhenEncoded { Self.stop() }
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      stopsWhenEncoded = try container.decode(Bool.self, forKey: .stopsWhenEncoded)
      stopsWhenDecoded = try container.decode(Bool.self, forKey: .stopsWhenDecoded)
      if stopsWhenDecoded { Self.stop() }
    }

    static func stop() {
      mailbox.post("stopped")
      gate.pass()
    }
  }

  func testAChildThatDiesWhileItReceives() throws {
    var slow = Slow()
    slow.stopsWhenDecoded = true
    let process = Process(target: { (_: Slow, bytes: [UInt8]) in bytes }, args: (slow, Self.long))
    try process.start()
    XCTAssertEqual(try Slow.mailbox.next(), "stopped")
    try process.kill()
    assertThrows(ProcessError.killed(.kill)) { try process.result() }
  }

  func testAChildThatDiesWhileItSends() throws {
    let process = Process(target: { () -> [Slow] in
      var slow = Slow()
      slow.stopsWhenEncoded = true
      return [Slow(), slow]
    })
    try process.start()
    XCTAssertEqual(try Slow.mailbox.next(), "stopped")
    try process.kill()
    let error = thrown(ProcessError.self) { try process.result() }
    XCTAssertEqual(error, .killed(.kill))
  }

  private static let long = [UInt8](repeating: 9, count: 3 << 20)

  func testAChildThatDiesAtAnyMoment() throws {
    var killed = 0
    for round in 0..<60 {
      let process = Process(target: { (bytes: [UInt8]) in bytes }, args: (Self.long))
      try process.start()
      usleep(UInt32(round * 100))
      try process.kill()
      do {
        let result = try process.result()
        XCTAssertTrue(result == Self.long)
      } catch {
        XCTAssertEqual(error as? ProcessError, .killed(.kill))
        killed += 1
      }
    }
    XCTAssertGreaterThan(killed, 0)
  }
}
