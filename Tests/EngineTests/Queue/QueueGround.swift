import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// A queue of numbered elements, processes that work on it, and what they leave for the test to read.
struct QueueGround: @unchecked Sendable {
  // Sendable: immutable, but for shared memory, of which each word has one writer.
  let queue: SharedQueue
  private let notes: SharedSegment

  init(capacity: Int? = nil, holding numbers: [Int] = []) throws {
    queue = try SharedQueue(capacity: capacity)
    notes = try SharedSegment.make(SegmentLabel(kind: "note"), capacity: 4096, reserved: 4096)
    for number in numbers { try put(number) }
  }

  // MARK: Elements

  /// A number and, behind it, bytes that tell whether all of it is there.
  static func element(_ number: Int, length: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number &* 31 &+ 7), count: max(8, length))
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: number, as: Int.self) }
    return bytes
  }

  /// nil for what is no whole element.
  static func number(of bytes: [UInt8]) -> Int? {
    guard bytes.count >= 8 else { return nil }
    let number = bytes.withUnsafeBytes { $0.loadUnaligned(as: Int.self) }
    return bytes == element(number, length: bytes.count) ? number : nil
  }

  struct Refused: Error {
    let answer: String
  }

  func put(_ number: Int, length: Int = 8, until deadline: Deadline = .never) throws {
    let answer = try Self.element(number, length: length).withUnsafeBytes { try queue.put($0, until: deadline) }
    if answer != .put { throw Refused(answer: "\(answer)") }
  }

  func get(until deadline: Deadline = .never) throws -> Int {
    var bytes: [UInt8] = []
    let answer = try queue.get(until: deadline) { bytes = Array($0) }
    guard answer == .got, let number = Self.number(of: bytes) else { throw Refused(answer: "\(answer)") }
    return number
  }

  /// nil when there is none.
  func tryGet() throws -> Int? {
    var bytes: [UInt8] = []
    guard try queue.tryGet({ bytes = Array($0) }) == .got else { return nil }
    guard let number = Self.number(of: bytes) else { throw Refused(answer: "half an element") }
    return number
  }

  /// How many elements were put, and how many were got.
  var putCount: Int { count(QueueLayout.tail) }
  var gotCount: Int { count(QueueLayout.head) }
  private func count(_ cursor: Int) -> Int {
    Int(QueueCursor(at: queue.segment.contents + cursor).observe().count)
  }

  /// Bytes of memory behind the queue.
  var memory: Int {
    var status = stat()
    fstat(queue.segment.descriptor.raw, &status)
    return Int(status.st_blocks) * 512
  }

  // MARK: Processes

  static let nothing = 0
  /// What a process met that was told the queue is closed.
  static let closed = -1

  func note(_ place: Int) -> Int { Int(bitPattern: UInt(SharedWord(at: notes.contents + place * 8).observe())) }
  func setNote(_ place: Int, _ number: Int) {
    SharedWord(at: notes.contents + place * 8).publish(UInt64(UInt(bitPattern: number)))
  }

  func start(_ body: @escaping () throws -> Void) throws -> ChildProcess {
    try ForkMethod().start(
      StartRequest(record: [], survivesParent: false) { _ in
        do {
          try body()
          return .value([])
        } catch {
          return .error([], announcement: "\(error)")
        }
      })
  }

  /// Notes at `place` what it gets.
  func startGetter(noting place: Int) throws -> ChildProcess {
    try start {
      do { setNote(place, try get()) } catch let refused as Refused where refused.answer == "closed" {
        setNote(place, Self.closed)
      }
    }
  }

  /// Notes at `place` the number it has put.
  func startPutter(_ number: Int, noting place: Int) throws -> ChildProcess {
    try start {
      do {
        try put(number)
        setNote(place, number)
      } catch let refused as Refused where refused.answer == "closed" { setNote(place, Self.closed) }
    }
  }

  func startJoiner() throws -> ChildProcess {
    try start { _ = try queue.tasks.join(until: .never) }
  }

  #if DEBUG
    /// Runs `operation` in a process that is killed ahead of its `nth` write, or call.
    func startVictim(dyingAt nth: Int32, _ operation: @escaping (QueueGround) throws -> Void) throws -> ChildProcess {
      try start {
        mp_kill_arm(nth)
        try operation(self)
        mp_kill_arm(-1)
      }
    }
  #endif

  // MARK: Examining

  /// That the queue holds one of `possible`, works for this process and for another, and leaves nothing behind.
  func examine(holding possible: [[Int]], file: StaticString = #filePath, line: UInt = #line) throws {
    let soon = { Deadline(after: .seconds(20)) }
    let other = 500
    let count = queue.count
    let isClosed = queue.isClosed
    end(try start { setNote(other, try tryGet() ?? Self.nothing) }, file: file, line: line)
    var found = note(other) == Self.nothing ? [] : [note(other)]
    while let number = try tryGet() { found.append(number) }
    XCTAssertTrue(possible.contains(found), "\(found) instead of one of \(possible)", file: file, line: line)
    XCTAssertEqual(count, found.count, file: file, line: line)
    XCTAssertEqual(queue.count, 0, file: file, line: line)
    if !isClosed {
      try put(1001, until: soon())
      end(
        try start {
          setNote(other, try get(until: soon()))
          try put(1002, length: 5000, until: soon())
        }, file: file, line: line)
      XCTAssertEqual(note(other), 1001, file: file, line: line)
      XCTAssertEqual(try get(until: soon()), 1002, file: file, line: line)
    }
    XCTAssertLessThan(memory, 512 << 10, "memory of the dead", file: file, line: line)
    while try queue.tasks.done() {}
    XCTAssertTrue(try queue.tasks.join(until: soon()), file: file, line: line)
    try queue.close()
    XCTAssertEqual(try queue.get(until: soon()) { _ in }, .closed, file: file, line: line)
  }

  /// That `child` comes to its end by itself, within a time.
  func end(_ child: ChildProcess, _ message: String = "", file: StaticString = #filePath, line: UInt = #line) {
    if (try? child.wait(until: Deadline(after: .seconds(20)))) != true {
      XCTFail("a process hangs. \(message)", file: file, line: line)
      try? child.send(signal: SIGKILL)
      _ = try? child.wait(until: .never)
    }
    XCTAssertEqual(try child.statusIfEnded()?.termination, .exited(0), message, file: file, line: line)
  }

  /// Waits until a process has nothing to do.
  func awaitSleep(_ child: ChildProcess, file: StaticString = #filePath, line: UInt = #line) {
    XCTAssertTrue(eventually { isAsleepOnFutex(child.pid) }, "it does not sleep", file: file, line: line)
  }
}
