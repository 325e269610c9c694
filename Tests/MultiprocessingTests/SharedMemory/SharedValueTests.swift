import Foundation
import Glibc
import Multiprocessing
import TestSupport
import XCTest

final class SharedValueTests: AuditedTestCase {
  private struct Four: BitwiseCopyable, Equatable, Sendable {
    var a: Int
    var b: Int8
    var c: Double
    var d: Int
    init(_ number: Int) { (a, b, c, d) = (number, Int8(truncatingIfNeeded: number), Double(number), number) }
    var isWhole: Bool { self == Four(a) }
  }

  private struct Values: Codable, Sendable {
    var int = try! SharedValue<Int32>(4343)
    var double = try! SharedValue(3.625)
    var short = try! SharedValue<Int16>(-232)
    var long = try! SharedValue<Int64>(1 << 33)
    var byte = try! SharedValue(UInt8(ascii: "x"))
  }

  private final class Adder: ProcessBase {
    let total: SharedValue<Int>
    init(_ total: SharedValue<Int>) {
      self.total = total
      super.init()
    }
    override func run() throws { try total.withLock { $0 += 1 } }
  }

  private func run(_ process: ProcessBase) throws {
    try process.start()
    try process.join()
    XCTAssertEqual(process.exitCode, 0)
  }

  func testAChildSetsWhatItsParentReads() throws {
    let values = Values()
    XCTAssertEqual(values.int.value, 4343)
    XCTAssertEqual(values.double.value, 3.625)
    XCTAssertEqual(values.short.value, -232)
    XCTAssertEqual(values.long.value, 1 << 33)
    XCTAssertEqual(values.byte.value, UInt8(ascii: "x"))
    try run(
      Process(
        target: { (values: Values) in
          values.int.value = 24234
          values.double.value = -4.25
          values.short.value = 234
          values.long.value = 1 << 34
          values.byte.value = UInt8(ascii: "y")
        }, args: (values)))
    XCTAssertEqual(values.int.value, 24234)
    XCTAssertEqual(values.double.value, -4.25)
    XCTAssertEqual(values.short.value, 234)
    XCTAssertEqual(values.long.value, 1 << 34)
    XCTAssertEqual(values.byte.value, UInt8(ascii: "y"))
  }

  func testEveryWayToAChildLeadsToTheSameValue() throws {
    let total = try SharedValue(0)
    try run(Process(target: { (total: SharedValue<Int>) in try total.withLock { $0 += 1 } }, args: (total)))
    try run(
      Process(
        target: { (totals: [SharedValue<Int>], named: [String: SharedValue<Int>]) in
          for total in totals + named.values { try total.withLock { $0 += 1 } }
        }, args: ([total, total], ["total": total])))
    try run(Process { try total.withLock { $0 += 1 } })
    try run(Adder(total))
    try run(Process { try Adder(total).run() })
    try run(
      Process {
        let grandchild = Process(
          target: { (total: SharedValue<Int>) in try total.withLock { $0 += 1 } }, args: (total))
        try grandchild.start()
        try grandchild.join()
      })
    XCTAssertEqual(total.value, 8)
  }

  func testManyProcessesAndThreadsCountToTheLast() throws {
    let total = try SharedValue(0)
    let children = (0..<4).map { _ in Process { for _ in 0..<20_000 { try total.withLock { $0 += 1 } } } }
    for child in children { try child.start() }
    _ = concurrently(2) { _ in for _ in 0..<20_000 { try? total.withLock { $0 += 1 } } }
    for child in children { try child.join() }
    XCTAssertEqual(total.value, 120_000)
  }

  func testValuesOfAnySizeAndAlignment() throws {
    func check<T: BitwiseCopyable & Sendable & Equatable>(
      _ values: T..., file: StaticString = #filePath, line: UInt = #line
    )
      throws
    {
      let shared = try SharedValue(values[0])
      for value in values + values {
        shared.value = value
        XCTAssertEqual(shared.value, value, file: file, line: line)
      }
    }
    try check(true, false)
    try check(Four(1), Four(-7))
    try check(SIMD16<Double>(repeating: 1), SIMD16<Double>(repeating: 2))
    try check(Int128.max, 0)
    try check(Int?.none, 5)
    let nothing = try SharedValue(())
    nothing.value = ()
  }

  func testWhatTheClosureMakesStaysAlsoWhenItThrows() throws {
    let shared = try SharedValue(1)
    assertThrows(ProcessError.closed) {
      try shared.withLock {
        $0 = 2
        throw ProcessError.closed
      }
    }
    XCTAssertEqual(shared.value, 2)
    XCTAssertEqual(
      try shared.withLock {
        $0 += 1
        return "\($0)"
      }, "3")
  }

  func testInsideOfItsOwnLock() throws {
    let shared = try SharedValue(1)
    try shared.withLock { value in
      value = 5
      XCTAssertEqual(shared.value, 1, "as it was before")
      shared.value = 3
      XCTAssertEqual(shared.value, 3)
      assertThrows(SharedMemoryError.alreadyLocked) { try shared.withLock { _ in } }
    }
    XCTAssertEqual(shared.value, 5)
    let other = concurrently(1) { _ in shared.value }
    XCTAssertEqual(other, [5], "the lock is free")
  }

  func testADeathInsideOfTheLockLeavesTheValueAsItWas() throws {
    let shared = try SharedValue(Four(1))
    for _ in 0..<3 {
      let child = Process {
        try shared.withLock {
          $0.a = 100
          kill(getpid(), SIGKILL)
        }
      }
      try child.start()
      assertThrows(ProcessError.killed(.kill)) { try child.result() }
      XCTAssertEqual(shared.value, Four(1))
    }
  }

  func testADeathAtAnyInstructionLeavesAWholeValue() throws {
    let shared = try SharedValue(Four(0))
    let begun = Mailbox()
    for round in 0..<100 {
      let child = Process {
        begun.post("go")
        while true {
          shared.value = Four(shared.value.a &+ 1)
          try shared.withLock { $0 = Four($0.a &+ 1) }
        }
      }
      try child.start()
      _ = try begun.next()
      usleep(UInt32.random(in: 0..<300))
      try child.kill()
      let before = shared.value
      XCTAssertTrue(before.isWhole, "\(before) in round \(round)")
      try child.join()
      let value = shared.value
      XCTAssertTrue(value.isWhole, "\(value) in round \(round)")
    }
    XCTAssertGreaterThan(shared.value.a, 0)
  }

  func testNoOtherCoderTakesASharedObject() throws {
    XCTAssertNotNil(thrown(EncodingError.self) { try JSONEncoder().encode([try SharedValue(1)]) })
    XCTAssertNotNil(thrown(EncodingError.self) { try JSONEncoder().encode(try SharedArray([1])) })
    XCTAssertNotNil(thrown(EncodingError.self) { try PropertyListEncoder().encode([try SharedAtomic(1)]) })
    let memory = try SharedMemory.create(size: 1)
    XCTAssertNotNil(thrown(EncodingError.self) { try JSONEncoder().encode([memory]) })
    memory.close()
    XCTAssertNotNil(thrown(EncodingError.self) { try JSONEncoder().encode([memory]) })
    try memory.unlink()
    let text = Data("[3]".utf8)
    XCTAssertNotNil(thrown(DecodingError.self) { try JSONDecoder().decode([SharedValue<Int>].self, from: text) })
    XCTAssertNotNil(thrown(DecodingError.self) { try JSONDecoder().decode([SharedMemory].self, from: text) })
  }

  func testAnErrorSaysWhatToDo() throws {
    let errors: [SharedMemoryError] = [
      .noSpace(bytes: 7), .invalidSize(-1), .outOfRange(start: 1, length: 2, count: 2), .invalidName("a/b"),
      .alreadyExists("x"), .notFound("x"), .closed, .alreadyLocked, .system(errno: EMFILE),
    ]
    for error in errors {
      XCTAssertTrue("\(error)".hasSuffix("."), "\(error)")
      XCTAssertEqual(try JSONDecoder().decode(SharedMemoryError.self, from: JSONEncoder().encode(error)), error)
    }
  }
}
