import Glibc
import TestSupport
import XCTest

@testable import Multiprocessing

/// What users of Go's channels and of Python's queues count on, beyond what `QueueTests` holds.
final class QueueChannelTests: AuditedTestCase {
  // MARK: Order and number

  func testEveryPlaceIsFilledAndEmptiedInOrder() throws {
    for capacity in [1, 2, 3, 10, 200] {
      let queue = try Queue<Int>(capacity: capacity)
      for lap in 0..<3 {
        for number in 0..<capacity { XCTAssertTrue(try queue.tryPut(lap * 1000 + number)) }
        XCTAssertFalse(try queue.tryPut(-1))
        XCTAssertEqual(queue.count, capacity)
        XCTAssertTrue(queue.isFull)
        for number in 0..<capacity {
          XCTAssertEqual(queue.count, capacity - number)
          XCTAssertEqual(try queue.get(), lap * 1000 + number)
          XCTAssertFalse(queue.isFull)
        }
        XCTAssertNil(try queue.tryGet())
      }
    }
  }

  func testAStreamThroughEveryCapacity() throws {
    for capacity in [nil, 1, 7] {
      let queue = try Queue<Int>(capacity: capacity)
      let producer = Process {
        for number in 0..<5000 { try queue.put(number) }
        queue.close()
      }
      try producer.start()
      XCTAssertEqual(Array(queue), Array(0..<5000))
      try producer.result()
    }
  }

  /// Each of many producers puts the same numbers; each of many consumers counts what it has got.
  func testManyProducersAndManyConsumers() throws {
    let queue = try Queue<Int>(capacity: 4)
    let producers = (0..<6).map { _ in Process { for number in 0..<500 { try queue.put(number) } } }
    let consumers = (0..<6).map { _ in
      Process { () -> [Int: Int] in
        var counts: [Int: Int] = [:]
        for _ in 0..<500 { counts[try queue.get(), default: 0] += 1 }
        return counts
      }
    }
    for process in producers { try process.start() }
    for process in consumers { try process.start() }
    for process in producers { try process.result() }
    var counts: [Int: Int] = [:]
    for process in consumers { counts.merge(try process.result(), uniquingKeysWith: +) }
    XCTAssertEqual(counts, Dictionary(uniqueKeysWithValues: (0..<500).map { ($0, 6) }))
    XCTAssertTrue(queue.isEmpty)
  }

  /// Many workers that take from one queue and put into another.
  func testManyWorkersBetweenTwoQueues() throws {
    let tasks = try Queue<Int>(capacity: 2)
    let results = try Queue<Int>(capacity: 3)
    let workers = (0..<13).map { _ in
      Process { for number in tasks { try results.put(number % 7 == 0 ? number * 2 : number) } }
    }
    for worker in workers { try worker.start() }
    let feeder = Process {
      for number in 0..<2000 { try tasks.put(number) }
      tasks.close()
    }
    try feeder.start()
    var sum = 0
    for _ in 0..<2000 { sum += try results.get() }
    try feeder.result()
    for worker in workers { try worker.result() }
    XCTAssertEqual(sum, (0..<2000).reduce(0) { $0 + ($1 % 7 == 0 ? $1 * 2 : $1) })
    XCTAssertNil(try results.tryGet())
  }

  /// A chain of processes, each of which lets pass what its own number does not divide; it grows while it is running.
  func testASieveOfPrimes() throws {
    @Sendable func filter(_ numbers: Queue<Int>, _ primes: Queue<Int>) throws {
      var iterator = numbers.makeIterator()
      guard let prime = iterator.next() else { return primes.close() }
      try primes.put(prime)
      let others = try Queue<Int>(capacity: 4)
      let next = Process(target: filter, args: (others, primes))
      try next.start()
      while let number = iterator.next() { if number % prime != 0 { try others.put(number) } }
      others.close()
      try next.result()
    }
    let numbers = try Queue<Int>(capacity: 4)
    let primes = try Queue<Int>()
    let first = Process(target: filter, args: (numbers, primes))
    try first.start()
    for number in 2...72 { try numbers.put(number) }
    numbers.close()
    XCTAssertEqual(Array(primes), [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71])
    try first.result()
  }

  // MARK: Looking without waiting

  /// What is there is found, however near the end of the queue is.
  func testAnElementIsNotMissedByOneWhoOnlyLooks() throws {
    let queue = try Queue<Int>()
    let told = try Queue<Int>()
    let answers = try Queue<Int>()
    let looker = Process {
      for number in told { try answers.put(try queue.tryGet() == number ? number : -1) }
    }
    try looker.start()
    for number in 1...500 {
      try queue.put(number)
      try told.put(number)
      XCTAssertEqual(try answers.get(), number)
    }
    told.close()
    try looker.result()
  }

  func testALastElementIsFoundBesideTheClosing() throws {
    for number in 0..<300 {
      let queue = try Queue<Int>()
      let answers = concurrently(3) { thread -> Int in
        if thread == 0 {
          try? queue.put(number)
          queue.close()
          return 0
        }
        var found = 0
        while true {
          do { if try queue.tryGet() == number { found += 1 } } catch { return found }
        }
      }
      XCTAssertEqual(answers.reduce(0, +), 1)
    }
  }

  func testPuttersRaceForTheLastPlace() throws {
    for _ in 0..<100 {
      let queue = try Queue<Int>(capacity: 3)
      try queue.put(0)
      let answers = concurrently(4) { (try? queue.tryPut($0)) == true }
      XCTAssertEqual(answers.count { $0 }, 2)
      XCTAssertEqual(queue.count, 3)
    }
  }

  // MARK: Closing

  func testManyWaitingGettersMeetTheEnd() throws {
    let queue = try Queue<Int>()
    let getters = (0..<6).map { number in
      Process { () -> Int in
        do { return try number % 2 == 0 ? queue.get() : queue.get(timeout: .seconds(60)) } catch QueueError.closed {
          return -1
        }
      }
    }
    for getter in getters { try getter.start() }
    XCTAssertTrue(eventually { getters.allSatisfy { isAsleepOnFutex($0.pid ?? 0) } })
    try queue.put(1)
    try queue.put(2)
    queue.close()
    XCTAssertEqual(try getters.map { try $0.result() }.sorted(), [-1, -1, -1, -1, 1, 2])
  }

  func testAChildMayCloseIt() throws {
    let queue = try Queue<String>(capacity: 5)
    try Process.run {
      try queue.put("last")
      queue.close()
    }
    XCTAssertTrue(queue.isClosed)
    assertThrows(QueueError.closed) { try queue.put("later", timeout: .zero) }
    XCTAssertEqual(Array(queue), ["last"])
  }

  // MARK: As a child meets it

  func testAChildFillsAQueueThatTheParentEmpties() throws {
    let queue = try Queue<Int>(capacity: 6)
    let mayFill = try Queue<Bool>()
    let isFull = try Queue<Bool>()
    let child = Process {
      _ = try mayFill.get()
      try queue.put(1)
      try queue.put(2, timeout: nil)
      try queue.put(3, timeout: .seconds(30))
      guard try queue.tryPut(4), try queue.tryPut(5) else { exit(3) }
      try queue.put(6, timeout: .zero)
      guard queue.isFull, try !queue.tryPut(7) else { exit(4) }
      try isFull.put(true)
    }
    try child.start()
    XCTAssertTrue(queue.isEmpty)
    try mayFill.put(true)
    _ = try isFull.get()
    XCTAssertTrue(queue.isFull)
    XCTAssertEqual(queue.count, 6)
    assertThrows(TimeoutError(operation: "room in a queue", timeout: .milliseconds(10))) {
      try queue.put(7, timeout: .milliseconds(10))
    }
    XCTAssertEqual(try (0..<6).map { _ in try queue.get() }, [1, 2, 3, 4, 5, 6])
    XCTAssertTrue(queue.isEmpty)
    try child.result()
  }

  /// What was put before the child was there is not there twice.
  func testAForkCopiesNoElement() throws {
    let queue = try Queue<Int>()
    for number in 0..<10 { try queue.put(number) }
    try Process.run { for number in 10..<20 { try queue.put(number) } }
    XCTAssertEqual(queue.count, 20)
    XCTAssertEqual(try (0..<20).map { _ in try queue.get() }, Array(0..<20))
    XCTAssertNil(try queue.tryGet())
  }

  func testWhatCannotBeEncodedLeavesTheQueueAlone() throws {
    struct Moody: Codable, Sendable, Equatable {
      var number: Int
      init(number: Int) { self.number = number }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        guard number >= 0 else {
          throw EncodingError.invalidValue(number, .init(codingPath: [], debugDescription: "moody"))
        }
        try container.encode(number)
      }
      init(from decoder: any Decoder) throws { number = try decoder.singleValueContainer().decode(Int.self) }
    }
    let queue = try Queue<Moody>(capacity: 1)
    XCTAssertNotNil(thrown(EncodingError.self) { try queue.put(Moody(number: -1)) })
    XCTAssertNotNil(thrown(EncodingError.self) { try queue.tryPut(Moody(number: -2)) })
    XCTAssertTrue(try queue.tryPut(Moody(number: 1)))
    XCTAssertNotNil(thrown(EncodingError.self) { try queue.put(Moody(number: -3)) })
    XCTAssertEqual(try queue.get(), Moody(number: 1))
    XCTAssertTrue(try queue.join(timeout: .zero) == false)
    try queue.taskDone()
    XCTAssertTrue(try queue.join())
  }

  // MARK: Large elements

  func testLargeElementsBetweenProcesses() throws {
    let there = try Queue<[UInt8]>(capacity: 2)
    let back = try Queue<[UInt8]>(capacity: 2)
    let child = Process {
      for bytes in there { try back.put(bytes.reversed()) }
      back.close()
    }
    try child.start()
    for length in [0, 1, 1023, 1024, 1025, 70_000, 1 << 20, 9 << 20, 5] {
      var bytes = [UInt8](repeating: 7, count: length)
      if length > 1 { bytes[0] = UInt8(length % 251) }
      try there.put(bytes)
      XCTAssertEqual(try back.get(), bytes.reversed(), "\(length)")
    }
    there.close()
    assertThrows(QueueError.closed) { try back.get() }
    try child.result()
  }

  func testMoreThanAPipeHoldsWaitsForNobody() throws {
    let queue = try Queue<[Int]>()
    let producer = Process { for number in 0..<50 { try queue.put(Array(repeating: number, count: 20_000)) } }
    try producer.start()
    XCTAssertTrue(try producer.join(timeout: .seconds(60)), "a producer waits for its elements to be taken")
    for number in 0..<50 { XCTAssertEqual(try queue.get(), Array(repeating: number, count: 20_000)) }
    try producer.result()
  }

  // MARK: Tasks

  func testSeveralWorkersDoAllTasks() throws {
    let queue = try Queue<Int?>()
    let workers = (0..<4).map { _ in
      Process {
        while let task = try queue.get() {
          usleep(UInt32(task))
          try queue.taskDone()
        }
        try queue.taskDone()
      }
    }
    for worker in workers { try worker.start() }
    for number in 0..<200 { try queue.put(number) }
    XCTAssertTrue(try queue.join())
    for _ in workers { try queue.put(nil) }
    XCTAssertTrue(try queue.join())
    for worker in workers { try worker.result() }
    assertThrows(QueueError.tooManyTaskDone) { try queue.taskDone() }
  }

  func testEveryJoinerLearnsOfTheEnd() throws {
    let queue = try Queue<Int>()
    try queue.put(1)
    let joiners = (0..<4).map { _ in Process { try queue.join() } }
    for joiner in joiners { try joiner.start() }
    XCTAssertTrue(eventually { joiners.allSatisfy { isAsleepOnFutex($0.pid ?? 0) } })
    try queue.taskDone()
    for joiner in joiners { XCTAssertTrue(try joiner.result()) }
  }
}
