import Foundation
import TestSupport
import XCTest

@testable import Multiprocessing

final class QueueTests: AuditedTestCase {
  private struct Pair: Codable, Equatable, Sendable {
    var name: String
    var numbers: [Int]
  }

  func testElementsComeOutInOrder() throws {
    let queue = try Queue<Pair>()
    let pairs = (0..<100).map { Pair(name: "이름 \($0)", numbers: Array(0..<$0)) }
    for pair in pairs { try queue.put(pair) }
    XCTAssertEqual(queue.count, 100)
    XCTAssertFalse(queue.isEmpty)
    for pair in pairs { XCTAssertEqual(try queue.get(), pair) }
    XCTAssertTrue(queue.isEmpty)
    XCTAssertNil(try queue.tryGet())
  }

  func testAnEmptyQueueKeepsTheGetterWaiting() throws {
    let queue = try Queue<Int>()
    XCTAssertNotNil(thrown(TimeoutError.self) { try queue.get(timeout: .milliseconds(20)) })
    XCTAssertNotNil(thrown(TimeoutError.self) { try queue.get(timeout: .zero) })
    XCTAssertNotNil(thrown(TimeoutError.self) { try queue.get(timeout: .seconds(-1)) })
    let process = Process { try queue.put(5) }
    try process.start()
    XCTAssertEqual(try queue.get(), 5)
    try process.result()
  }

  func testAFullQueueKeepsThePutterWaiting() throws {
    let queue = try Queue<Int>(capacity: 2)
    XCTAssertFalse(queue.isFull)
    try queue.put(1)
    XCTAssertTrue(try queue.tryPut(2))
    XCTAssertTrue(queue.isFull)
    XCTAssertFalse(try queue.tryPut(3))
    XCTAssertNotNil(thrown(TimeoutError.self) { try queue.put(3, timeout: .milliseconds(20)) })
    let process = Process { try queue.put(3) }
    try process.start()
    XCTAssertFalse(try process.join(timeout: .milliseconds(50)))
    XCTAssertEqual(try queue.get(), 1)
    try process.result()
    XCTAssertEqual([try queue.get(), try queue.get()], [2, 3])
  }

  func testImpossibleCapacitiesAreRefused() {
    for capacity in [0, -1, Int.min] {
      assertThrows(QueueError.invalidCapacity(capacity)) { try Queue<Int>(capacity: capacity) }
    }
  }

  func testItCrossesHoweverItIsPassed() throws {
    struct Box: Codable, Sendable {
      var queues: [Queue<Int>]
    }
    final class Putter: ProcessBase {
      let queue: Queue<Int>
      init(_ queue: Queue<Int>) {
        self.queue = queue
        super.init()
      }
      override func run() throws { try queue.put(4) }
    }
    let queue = try Queue<Int>()
    let processes: [ProcessBase] = [
      Process(target: { (queue: Queue<Int>) in try queue.put(1) }, args: (queue)),
      Process(
        target: { (queues: [Queue<Int>], box: Box) in try box.queues[1].put(queues.count) },
        args: ([queue, queue], Box(queues: [queue, queue]))),
      Process { try queue.put(3) },
      Putter(queue),
    ]
    for process in processes {
      try process.start()
      try process.join()
      XCTAssertEqual(process.exitCode, 0)
    }
    XCTAssertEqual(try (0..<4).map { _ in try queue.get() }, [1, 2, 3, 4])
  }

  func testAGrandchildGetsItAsWell() throws {
    let queue = try Queue<Int>()
    let process = Process(
      target: { (queue: Queue<Int>) in
        let inner = Process(target: { (queue: Queue<Int>) in try queue.put(7) }, args: (queue))
        try inner.start()
        try inner.result()
      }, args: (queue))
    try process.start()
    try process.result()
    XCTAssertEqual(try queue.get(), 7)
  }

  func testOtherCodersRefuseIt() throws {
    let queue = try Queue<Int>()
    let error = thrown(EncodingError.self) { try JSONEncoder().encode([queue]) }
    guard case .invalidValue(_, let context) = error else { return XCTFail("\(error as Any)") }
    XCTAssertTrue(context.debugDescription.contains("argument"), context.debugDescription)
    XCTAssertNotNil(thrown(DecodingError.self) { try JSONDecoder().decode(Queue<Int>.self, from: Data("1".utf8)) })
    let carrier = try Queue<[Queue<Int>]>()
    XCTAssertNotNil(thrown(EncodingError.self) { try carrier.put([queue]) })
    XCTAssertTrue(carrier.isEmpty)
  }

  // MARK: Closing

  func testAClosedQueueIsDrained() throws {
    let queue = try Queue<Int>()
    try queue.put(1)
    try queue.put(2)
    queue.close()
    queue.close()
    XCTAssertTrue(queue.isClosed)
    assertThrows(QueueError.closed) { try queue.put(3) }
    assertThrows(QueueError.closed) { try queue.tryPut(3) }
    XCTAssertEqual(try queue.get(), 1)
    XCTAssertEqual(try queue.tryGet(), 2)
    assertThrows(QueueError.closed) { try queue.get() }
    assertThrows(QueueError.closed) { try queue.get(timeout: .zero) }
    assertThrows(QueueError.closed) { try queue.tryGet() }
  }

  func testClosingEndsLoopsInEveryProcess() throws {
    let queue = try Queue<Int>()
    let sums = try Queue<Int>()
    let consumers = (0..<3).map { _ in
      Process { try sums.put(queue.reduce(0, +)) }
    }
    for consumer in consumers { try consumer.start() }
    for number in 1...1000 { try queue.put(number) }
    queue.close()
    for consumer in consumers { try consumer.result() }
    XCTAssertEqual(try (0..<3).map { _ in try sums.get() }.reduce(0, +), 500_500)
  }

  func testClosingWakesThosePutting() throws {
    let queue = try Queue<Int>(capacity: 1)
    try queue.put(0)
    let putters = (0..<2).map { _ in
      Process { () -> Bool in
        do {
          try queue.put(1)
          return false
        } catch QueueError.closed { return true }
      }
    }
    for putter in putters { try putter.start() }
    XCTAssertFalse(try putters[0].join(timeout: .milliseconds(30)))
    queue.close()
    for putter in putters { XCTAssertTrue(try putter.result()) }
    XCTAssertEqual(try queue.get(), 0)
    assertThrows(QueueError.closed) { try queue.get() }
  }

  // MARK: Tasks

  func testJoinWaitsForEveryTask() throws {
    let queue = try Queue<Int>()
    XCTAssertTrue(try queue.join(), "nothing to wait for")
    assertThrows(QueueError.tooManyTaskDone) { try queue.taskDone() }
    let worker = Process {
      for _ in queue {
        usleep(1000)
        try queue.taskDone()
      }
    }
    for number in 0..<20 { try queue.put(number) }
    XCTAssertFalse(try queue.join(timeout: .milliseconds(10)))
    try worker.start()
    XCTAssertTrue(try queue.join())
    assertThrows(QueueError.tooManyTaskDone) { try queue.taskDone() }
    try queue.put(20)
    XCTAssertTrue(try queue.join())
    queue.close()
    try worker.result()
  }

  // MARK: Between processes

  func testEachElementReachesExactlyOneGetter() throws {
    let queue = try Queue<Int>(capacity: 8)
    let results = try Queue<[Int]>()
    let producers = (0..<3).map { producer in
      Process { for number in 0..<500 { try queue.put(producer * 1000 + number) } }
    }
    let consumers = (0..<3).map { _ in Process { try results.put(Array(queue)) } }
    for process in producers + consumers { try process.start() }
    for producer in producers { try producer.result() }
    queue.close()
    for consumer in consumers { try consumer.result() }
    let received = try (0..<3).map { _ in try results.get() }
    XCTAssertEqual(
      received.flatMap { $0 }.sorted(), (0..<3).flatMap { producer in (0..<500).map { producer * 1000 + $0 } })
    for elements in received {
      for producer in 0..<3 {
        let own = elements.filter { $0 / 1000 == producer }
        XCTAssertEqual(own, own.sorted(), "first in, first out for each producer")
      }
    }
  }

  func testWhatWasPutOutlivesItsProducer() throws {
    let queue = try Queue<[Int]>()
    let producer = Process {
      try queue.put(Array(0..<100_000))
      kill(getpid(), SIGKILL)
    }
    try producer.start()
    try producer.join()
    XCTAssertEqual(try queue.get().count, 100_000)
  }

  /// A process that is stopped while it waits at the head of the others must not keep them from what is there.
  func testAStoppedGetterKeepsNobodyWaiting() throws {
    let queue = try Queue<Int>()
    let stopped = Process { () -> Int in try queue.get() }
    try stopped.start()
    // Asleep in get(), with the turn: the kernel's word for it.
    XCTAssertTrue(eventually { processState(stopped.pid!) == "S" })
    try stopped.send(.stop)
    XCTAssertTrue(eventually { processState(stopped.pid!) == "T" })
    let getter = Process { () -> Int in try queue.get() }
    try getter.start()
    XCTAssertTrue(eventually { processState(getter.pid!) == "S" })
    try queue.put(1)
    XCTAssertEqual(try getter.result(), 1)
    try stopped.send(.continue)
    try queue.put(2)
    XCTAssertEqual(try stopped.result(), 2)
  }

  func testAStoppedPutterKeepsNobodyWaiting() throws {
    let queue = try Queue<Int>(capacity: 1)
    try queue.put(0)
    let stopped = Process { try queue.put(1) }
    try stopped.start()
    XCTAssertTrue(eventually { processState(stopped.pid!) == "S" })
    try stopped.send(.stop)
    XCTAssertTrue(eventually { processState(stopped.pid!) == "T" })
    let putter = Process { try queue.put(2) }
    try putter.start()
    XCTAssertTrue(eventually { processState(putter.pid!) == "S" })
    XCTAssertEqual(try queue.get(), 0)
    try putter.result()
    XCTAssertEqual(try queue.get(), 2)
    try stopped.send(.continue)
    try stopped.result()
    XCTAssertEqual(try queue.get(), 1)
  }

  func testThreadsMayUseItToo() throws {
    let queue = try Queue<Int>(capacity: 4)
    let sums = concurrently(4) { number -> Int in
      if number < 2 {
        for element in 0..<1000 { try? queue.put(element) }
        return 0
      }
      return (0..<1000).reduce(0) { sum, _ in sum + ((try? queue.get()) ?? 0) }
    }
    XCTAssertEqual(sums.reduce(0, +), 2 * 499_500)
  }

  func testAnElementOfAnotherTypeIsAnError() throws {
    let queue = try Queue<String>()
    let wrong = try Queue<Int>(segment: queue.segment)
    try queue.put("no number")
    XCTAssertNotNil(thrown(DecodingError.self) { try wrong.get() })
    XCTAssertTrue(queue.isEmpty)
  }
}
