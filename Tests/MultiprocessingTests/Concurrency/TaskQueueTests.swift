import Glibc
import Multiprocessing
import MultiprocessingEngine
import TestSupport
import XCTest

import class Multiprocessing.Process

/// Tasks that put, get and join.
final class TaskQueueTests: KeptTestCase {
  func testAnElementThatComesLater() async throws {
    let queue = try Queue<Int>()
    let gate = Gate()
    let child = Process {
      gate.pass()
      try queue.put(42)
    }
    try child.start()
    let task = Task { try await queue.get() }
    try await untilWaiting(1)
    gate.open()
    let element = try await task.value
    XCTAssertEqual(element, 42)
    try await child.join()
  }

  func testRoomThatComesLater() async throws {
    let queue = try Queue<Int>(capacity: 1)
    try await queue.put(1)
    let gate = Gate()
    let child = Process { () -> [Int] in
      gate.pass()
      return [try queue.get(), try queue.get()]
    }
    try child.start()
    let task = Task { try await queue.put(2) }
    try await untilWaiting(1)
    gate.open()
    try await task.value
    let elements = try await child.value
    XCTAssertEqual(elements, [1, 2])
  }

  func testTasksThatAreDoneLater() async throws {
    let queue = try Queue<Int>()
    try await queue.put(1)
    var isDone = try await queue.join(timeout: .zero)
    XCTAssertFalse(isDone)
    isDone = try await queue.join(timeout: .milliseconds(20))
    XCTAssertFalse(isDone)
    let gate = Gate()
    let child = Process {
      _ = try queue.get()
      gate.pass()
      try queue.taskDone()
    }
    try child.start()
    let task = Task { try await queue.join() }
    try await untilWaiting(1)
    gate.open()
    isDone = try await task.value
    XCTAssertTrue(isDone)
    try await child.join()
  }

  func testTimeouts() async throws {
    let queue = try Queue<Int>(capacity: 1)
    await assertTimesOut("an element of a queue") { _ = try await queue.get(timeout: $0) }
    try await queue.put(1)
    await assertTimesOut("room in a queue") { try await queue.put(2, timeout: $0) }
    // What is there needs no time.
    let element = try await queue.get(timeout: .zero)
    XCTAssertEqual(element, 1)
  }

  func testCancellation() async throws {
    let queue = try Queue<Int>(capacity: 1)
    try await assertCancels("get") { _ = try await queue.get() }
    try await queue.put(1)
    try await assertCancels("put") { try await queue.put(2) }
    try await assertCancels("join") { try await queue.join() }
    XCTAssertEqual(queue.count, 1)
    let element = try await queue.get()
    XCTAssertEqual(element, 1)
    XCTAssertTrue(queue.isEmpty)
  }

  /// Of an element that comes and a cancellation one is first; the element reaches a getter in either case.
  func testCancellationLosesNoElement() async throws {
    let queue = try Queue<Int>()
    for round in 0..<200 {
      let task = Task { try await queue.get() }
      if round % 3 > 0 { try await untilWaiting(1) }
      let putter = Task { if round % 2 == 0 { try await queue.put(round) } }
      task.cancel()
      try await putter.value
      switch await task.result {
      case .success(let number): XCTAssertEqual(number, round)
      case .failure(let error):
        XCTAssert(error is CancellationError, "\(error)")
        if round % 2 == 0 {
          let number = try await queue.get(timeout: longest)
          XCTAssertEqual(number, round)
        }
      }
    }
    XCTAssertTrue(queue.isEmpty)
  }

  /// The one who is withdrawn had the turn, behind which a thread of another process waits.
  func testOthersGetTheirsAfterACancelledWait() async throws {
    let queue = try Queue<Int>()
    for round in 0..<20 {
      let task = Task { try await queue.get() }
      try await untilWaiting(1)
      let child = Process { try queue.get() }
      try child.start()
      let other = Task { try await queue.get() }
      try await untilWaiting(2)
      task.cancel()
      let result = await task.result
      XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
      try queue.puts(round)
      try queue.puts(round)
      let numbers = try await [child.value, other.value]
      XCTAssertEqual(numbers, [round, round])
    }
  }

  /// The child waits in front of the task, and is killed there.
  func testAKilledChildMakesWay() async throws {
    let queue = try Queue<Int>()
    let child = Process { _ = try queue.get() }
    try child.start()
    let task = Task { try await queue.get() }
    try await untilWaiting(1)
    try child.kill()
    try await child.join()
    try queue.puts(7)
    let number = try await task.value
    XCTAssertEqual(number, 7)
  }

  func testClosingEndsAllWaits() async throws {
    let (empty, full) = (try Queue<Int>(), try Queue<Int>(capacity: 1))
    try await full.put(1)
    let getters = (0..<3).map { _ in Task { try await empty.get() } }
    let putters = (0..<3).map { _ in Task { try await full.put(2) } }
    try await untilWaiting(6)
    let child = Process {
      empty.close()
      full.close()
    }
    try child.start()
    for getter in getters {
      let error = await thrownError { try await getter.value }
      XCTAssertEqual(error as? QueueError, .closed)
    }
    for putter in putters {
      let error = await thrownError { try await putter.value }
      XCTAssertEqual(error as? QueueError, .closed)
    }
    try await child.join()
  }

  /// Tasks and a child, through a queue that is mostly full or empty.
  func testManyOnEitherSide() async throws {
    let (queue, count) = (try Queue<Int>(capacity: 3), 200)
    let child = Process { () -> Int in
      var sum = 0
      while let number = try queue.next() { sum += number }
      return sum
    }
    try child.start()
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for producer in 0..<4 {
        group.addTask {
          for number in 0..<count { try await queue.put(producer * count + number) }
          return 0
        }
      }
      try await group.waitForAll()
      queue.close()
      for _ in 0..<4 {
        group.addTask {
          var sum = 0
          for try await number in queue { sum += number }
          return sum
        }
      }
      return try await group.reduce(0, +)
    }
    let childSum = try await child.value
    XCTAssertEqual(sum + childSum, (0..<4 * count).reduce(0, +))
  }

  // MARK: Loops

  func testALoopEndsWhenTheQueueIsClosedAndDrained() async throws {
    let queue = try Queue<String>()
    let child = Process {
      for word in ["one", "two", "three"] { try queue.put(word) }
      queue.close()
    }
    try child.start()
    // The type says that it may throw anything.
    let sequence: any AsyncSequence<String, any Error> = queue
    XCTAssertTrue(sequence is Queue<String>)
    var words: [String] = []
    for try await word in queue { words.append(word) }
    XCTAssertEqual(words, ["one", "two", "three"])
    try await child.join()
  }

  func testALoopOnAnActorThatIsCancelled() async throws {
    let queue = try Queue<Int>()
    try await queue.put(1)
    let numbers = Mailbox()
    let loop = Task { @MainActor in
      for try await number in queue { numbers.post("\(number)") }
    }
    try await untilWaiting(1)
    loop.cancel()
    let result = await loop.result
    XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
    XCTAssertEqual(try numbers.waiting(), ["1"])
  }
}

extension Queue {
  /// The blocking ones, which an async function does not reach.
  func puts(_ element: Element) throws { try put(element) }
  func next() throws -> Element? {
    do { return try get() } catch QueueError.closed { return nil }
  }

  // MARK: Processes that are stopped

  /// It may be stopped in the middle of any of them; were a task's thread to wait for it, nobody would let it go on.
  func testAProcessThatIsStoppedHoldsNoThreadUp() async throws {
    let (queue, permits) = (try Queue<Int>(), try Semaphore(0))
    let child = Process {
      while true {
        try queue.put(1)
        _ = try queue.tryGet()
        try permits.release()
        _ = permits.tryAcquire()
      }
    }
    try child.start()
    for _ in 0..<60 {
      try child.send(.stop)
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<3 {
          group.addTask { try? await queue.put(2, timeout: .milliseconds(20)) }
          group.addTask { _ = try? await queue.get(timeout: .milliseconds(20)) }
          group.addTask { try? await permits.acquire(timeout: .milliseconds(20)) }
        }
      }
      try child.send(.continue)
    }
    try child.kill()
    try await child.join()
  }
}
