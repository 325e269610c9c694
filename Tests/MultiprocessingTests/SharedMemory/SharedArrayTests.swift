import Glibc
import Multiprocessing
import TestSupport
import XCTest

final class SharedArrayTests: AuditedTestCase {
  private static func addUp(_ numbers: SharedArray<Int32>) {
    for index in numbers.indices.dropFirst() { numbers[index] += numbers[index - 1] }
  }

  private func run(_ process: ProcessBase) throws {
    try process.start()
    try process.join()
    XCTAssertEqual(process.exitCode, 0)
  }

  func testAChildWorksOnItsParentsArray() throws {
    var expected: [Int32] = [680, 626, 934, 821, 150, 233, 548, 982, 714, 831]
    let numbers = try SharedArray(expected)
    XCTAssertEqual(numbers.count, expected.count)
    XCTAssertEqual(numbers[3], expected[3])
    XCTAssertEqual(Array(numbers[2..<7]), Array(expected[2..<7]))
    try numbers.update(from: [1, 2, 3, 4], startingAt: 4)
    expected[4..<8] = [1, 2, 3, 4]
    XCTAssertEqual(Array(numbers), expected)
    for index in 1..<expected.count { expected[index] += expected[index - 1] }
    try run(Process(target: Self.addUp, args: (numbers)))
    XCTAssertEqual(Array(numbers), expected)
    XCTAssertTrue(numbers.elementsEqual(expected))
  }

  func testNewMemoryIsWhatWasAskedFor() throws {
    for _ in 0..<3 {
      let zeroes = try SharedArray(count: 10, repeating: 0)
      XCTAssertEqual(Array(zeroes), Array(repeating: 0, count: 10))
      try zeroes.update(from: 0..<10)
      XCTAssertEqual(Array(zeroes), Array(0..<10))
    }
    XCTAssertEqual(Array(try SharedArray(count: 3, repeating: -0.0)).map(\.sign), [.minus, .minus, .minus])
    XCTAssertEqual(Array(try SharedArray("häuser".utf8)), Array("häuser".utf8))
    XCTAssertEqual(Array(try SharedArray(stride(from: 1, to: 9, by: 2).lazy.map { $0 }.sorted())), [1, 3, 5, 7])
  }

  func testAnEmptyArrayWorks() throws {
    let empty = try SharedArray<Int>([])
    XCTAssertTrue(empty.isEmpty)
    XCTAssertEqual(Array(empty), [])
    XCTAssertEqual(try empty.withLock { $0.count }, 0)
    try empty.update(from: [])
    XCTAssertEqual(try SharedArray(count: 0, repeating: 1).count, 0)
    try run(
      Process(target: { (array: SharedArray<Int>) in if !array.isEmpty { exit(1) } }, args: (empty)))
  }

  func testCountsThatMakeNoSense() {
    assertThrows(SharedMemoryError.invalidSize(-1)) { try SharedArray(count: -1, repeating: 0) }
    assertThrows(SharedMemoryError.invalidSize(.max)) { try SharedArray(count: .max, repeating: 0) }
    assertThrows(SharedMemoryError.invalidSize(.max)) { try SharedArray(count: .max, repeating: UInt8(0)) }
    assertThrows(SharedMemoryError.noSpace(bytes: 8 << 50)) { try SharedArray(count: 1 << 50, repeating: 0) }
    assertThrows(SharedMemoryError.noSpace(bytes: 8 << 40)) { try SharedArray(count: 1 << 40, repeating: 0) }
  }

  func testAnUpdateThatDoesNotFitChangesNothing() throws {
    let array = try SharedArray([1, 2, 3])
    for (start, elements) in [(0, [7, 7, 7, 7]), (3, [7]), (-1, [7]), (4, []), (.max, [7])] {
      assertThrows(SharedMemoryError.outOfRange(start: start, length: elements.count, count: 3)) {
        try array.update(from: elements, startingAt: start)
      }
    }
    XCTAssertEqual(Array(array), [1, 2, 3])
    try array.update(from: [], startingAt: 3)
    try array.update(from: array[0..<2], startingAt: 1)
    XCTAssertEqual(Array(array), [1, 1, 2], "from where it overlaps")
  }

  func testAnIndexOutOfRangeEndsTheProcess() throws {
    let array = try SharedArray([1, 2, 3])
    for index in [-1, 3, .max] {
      _ = try capturing(STDERR_FILENO) {
        let reader = Process { array[index] }
        try reader.start()
        let error = thrown(ProcessError.self) { try reader.result() }
        if case .crashed = error {} else { XCTFail("\(error as Any)") }
        let writer = Process { array[index] = 5 }
        try writer.start()
        try writer.join()
        XCTAssertLessThan(try XCTUnwrap(writer.exitCode), 0)
      }
    }
    XCTAssertEqual(Array(array), [1, 2, 3])
  }

  func testTheAlgorithmsOfCollections() throws {
    var array = try SharedArray([3, 1, 2])
    array.sort()
    XCTAssertEqual(Array(array), [1, 2, 3])
    array.reverse()
    array.swapAt(0, 1)
    XCTAssertEqual(array.map { $0 * 10 }, [20, 30, 10])
    XCTAssertEqual(array.firstIndex(of: 1), 2)
    XCTAssertEqual(array.reversed(), [1, 3, 2])
    array[0..<2].sort(by: >)
    XCTAssertEqual(Array(array), [3, 2, 1])
    let sum = array.withUnsafeMutableBufferPointer { buffer in
      buffer[0] = 100
      return buffer.reduce(0, +)
    }
    XCTAssertEqual(sum, 103)
    XCTAssertEqual(array.last, 1)
  }

  func testTheMemoryOutlivesTheObjectWhileItIsInUse() throws {
    let total = try SharedArray(count: 100_000, repeating: 1).withUnsafeMutableBufferPointer { $0.reduce(0, +) }
    XCTAssertEqual(total, 100_000)
    XCTAssertEqual(try SharedArray(repeatElement(2, count: 100_000)).reduce(0, +), 200_000)
    let sums = concurrently(4) { number in
      (0..<50).map { _ in (try? SharedArray(count: 1000, repeating: number).reduce(0, +)) ?? -1 }
    }
    for (number, sums) in sums.enumerated() { XCTAssertEqual(Set(sums), [number * 1000]) }
  }

  func testProcessesTakeTurnsUnderTheLock() throws {
    let array = try SharedArray(count: 1000, repeating: 0)
    let children = (0..<4).map { _ in
      Process(
        target: { (array: SharedArray<Int>) in
          for _ in 0..<50 {
            try array.withLock { elements in
              for index in elements.indices { elements[index] += 1 }
            }
          }
        }, args: (array))
    }
    for child in children { try child.start() }
    for child in children { try child.join() }
    XCTAssertEqual(Array(array), Array(repeating: 200, count: 1000))
    XCTAssertFalse(array.previousOwnerDied)
  }

  func testADeathInsideOfTheLockIsTold() throws {
    let array = try SharedArray(count: 10, repeating: 0)
    let mailbox = Mailbox()
    let child = Process {
      try array.withLock { elements in
        elements[0] = 1
        mailbox.post("held")
        while true { pause() }
      }
    }
    try child.start()
    XCTAssertEqual(try mailbox.next(), "held")
    XCTAssertFalse(array.previousOwnerDied)
    try child.kill()
    try array.withLock { elements in
      XCTAssertTrue(array.previousOwnerDied)
      XCTAssertEqual(elements[0], 1)
    }
    // Told to everybody, until somebody mends it.
    let witness = Process { try array.withLock { _ in array.previousOwnerDied } }
    try witness.start()
    XCTAssertTrue(try witness.result())
    try array.withLock { elements in
      elements[0] = 0
      array.markConsistent()
    }
    XCTAssertFalse(try array.withLock { _ in array.previousOwnerDied })
    try child.join()
  }

  func testInsideOfItsOwnLock() throws {
    let array = try SharedArray([1, 2])
    try array.withLock { elements in
      assertThrows(SharedMemoryError.alreadyLocked) { try array.withLock { _ in } }
      array[0] = 5
      XCTAssertEqual(elements[0], 5)
    }
    assertThrows(ProcessError.closed) { try array.withLock { _ in throw ProcessError.closed } }
    XCTAssertEqual(try array.withLock { $0[1] }, 2, "the lock is free")
  }

  func testAnotherKindOfObjectIsNotTaken() throws {
    struct Box<T: Codable & Sendable>: Codable, Sendable { var object: T }
    let array = try SharedArray<Int64>([1, 2, 3])
    let child = Process(
      target: { (name: String, box: Box<SharedArray<Int64>>) in name + "\(box.object.count)" },
      args: ("x", Box(object: array)))
    try child.start()
    XCTAssertEqual(try child.result(), "x3")
  }
}
