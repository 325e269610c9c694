import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

final class SharedQueueTests: AuditedTestCase {
  /// An element of `length` bytes that can be told from its neighbours.
  private func element(_ number: Int, _ length: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: length)
    if length > 1 { bytes[length - 1] = UInt8(truncatingIfNeeded: number >> 8) }
    return bytes
  }

  private func put(_ bytes: [UInt8], into queue: SharedQueue) throws {
    XCTAssertEqual(try bytes.withUnsafeBytes { try queue.put($0, until: .never) }, .put)
  }

  private func next(of queue: SharedQueue) throws -> [UInt8]? {
    var bytes: [UInt8]?
    _ = try queue.tryGet { bytes = Array($0) }
    return bytes
  }

  private func memory(of queue: SharedQueue) -> Int {
    var status = stat()
    fstat(queue.segment.descriptor.raw, &status)
    return Int(status.st_blocks) * 512
  }

  func testElementsOfAnyLengthComeOutAsTheyWentIn() throws {
    let queue = try SharedQueue(capacity: nil)
    let lengths = [0, 1, 7, 8, 9, 4096, 65_528, 65_536, 100_000, 1 << 20, 5 << 20, 3, 40 << 20, 17]
    for (number, length) in lengths.enumerated() { try put(element(number, length), into: queue) }
    XCTAssertEqual(queue.count, lengths.count)
    for (number, length) in lengths.enumerated() {
      XCTAssertEqual(try next(of: queue), element(number, length), "\(length) bytes")
    }
    XCTAssertNil(try next(of: queue))
  }

  /// Against a plain array, over many lengths and fill levels: rings that come round, gaps, growing and shrinking.
  func testItIsAQueue() throws {
    let queue = try SharedQueue(capacity: nil)
    var model: [[UInt8]] = []
    var random = SystemRandomNumberGenerator()
    var first = 0
    for number in 0..<20_000 {
      let fills = number / 2500 % 2 == 0
      if Int.random(in: 0..<10, using: &random) < (fills ? 7 : 3) {
        let bytes = element(number, Int.random(in: 0..<(Bool.random() ? 200 : 20_000), using: &random))
        try put(bytes, into: queue)
        model.append(bytes)
      } else {
        let expected = first < model.count ? model[first] : nil
        XCTAssertEqual(try next(of: queue), expected)
        if expected != nil { first += 1 }
      }
      XCTAssertEqual(queue.count, model.count - first)
    }
  }

  func testTheMemoryOfABurstGoesBack() throws {
    let queue = try SharedQueue(capacity: nil)
    let little = memory(of: queue)
    XCTAssertLessThan(little, 128 << 10)
    for number in 0..<100 { try put(element(number, 1 << 20), into: queue) }
    XCTAssertGreaterThan(memory(of: queue), 100 << 20)
    for _ in 0..<50 { _ = try next(of: queue) }
    XCTAssertLessThan(memory(of: queue), 180 << 20, "what was read goes ahead of the rest")
    for _ in 0..<50 { XCTAssertNotNil(try next(of: queue)) }
    XCTAssertLessThan(memory(of: queue), 1 << 20)
    try put([1], into: queue)
    XCTAssertEqual(try next(of: queue), [1])
  }

  func testTheAreaIsUsedRoundAndRound() throws {
    let queue = try SharedQueue(capacity: nil)
    // Several times the area, in blocks that each come to an end.
    let length = queue.longest
    let laps = 3 * 8 + 1
    for number in 0..<laps {
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 6 << 20, alignment: 8)
      defer { bytes.deallocate() }
      bytes.storeBytes(of: number, as: Int.self)
      XCTAssertEqual(try queue.put(UnsafeRawBufferPointer(bytes), until: .never), .put)
      var found = -1
      XCTAssertEqual(try queue.tryGet { found = $0.load(as: Int.self) }, .got)
      XCTAssertEqual(found, number)
    }
    XCTAssertGreaterThan(length, 6 << 20)
  }

  func testDamagedMemoryIsAnError() throws {
    let queue = try SharedQueue(capacity: nil)
    try put([1, 2, 3], into: queue)
    (queue.segment.contents + QueueLayout.area).storeBytes(of: UInt64.max, as: UInt64.self)
    XCTAssertEqual(thrown(SystemFailure.self, by: { try next(of: queue) })?.errno, EBADMSG)
  }
}
