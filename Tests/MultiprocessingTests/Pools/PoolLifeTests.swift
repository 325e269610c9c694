import Glibc
import Multiprocessing
import Synchronization
import TestSupport
import XCTest

/// The life of pools and their workers.
final class PoolLifeTests: AuditedTestCase {
  // A pool that was let go of ends by itself, in its own time.
  override var patienceWithLeaks: Double { 30 }

  func testUnusedPools() throws {
    for _ in 0..<20 { _ = try Pool(processes: 3) }
    let pool = try Pool(processes: 2)
    pool.close()
    XCTAssertTrue(try pool.join())
    pool.terminate()
    XCTAssertTrue(try pool.join(timeout: .zero))
  }

  func testMisuse() throws {
    XCTAssertThrowsError(try Pool(processes: 0))
    XCTAssertThrowsError(try Pool(processes: -3))
    XCTAssertThrowsError(try Pool(tasksPerChild: 0))
    XCTAssertThrowsError(try Pool(retries: -1))
    XCTAssertThrowsError(try Pool(taskTimeout: .zero))
    let pool = try Pool(processes: 1)
    let other = try Pool(processes: 1)
    assertThrows(PoolError.stillOpen) { try pool.join() }
    XCTAssertThrowsError(try pool.map([1], chunkSize: 0) { $0 })
    let function = try other.register { (number: Int) in number }
    XCTAssertThrowsError(try pool.submit(function, args: 1))
    pool.close()
    assertThrows(PoolError.closed) { try pool.map([1]) { $0 } }
    assertThrows(PoolError.closed) { try pool.submit { 1 } }
    assertThrows(PoolError.closed) { try pool.imap([1]) { $0 } }
    assertThrows(PoolError.closed) { try pool.register { (number: Int) in number } }
  }

  func testCloseFinishesWhatWasSubmitted() throws {
    let gate = Gate()
    let pool = try Pool(processes: 1)
    let futures = try (0..<10).map { number in
      try pool.submit {
        gate.pass()
        return number
      }
    }
    pool.close()
    XCTAssertFalse(try pool.join(timeout: .milliseconds(50)))
    gate.open(10)
    XCTAssertTrue(try pool.join())
    XCTAssertEqual(try futures.map { try $0.result(timeout: .zero) }, Array(0..<10))
  }

  func testTerminateEndsWhatRuns() throws {
    let started = Gate()
    let pool = try Pool(processes: 2)
    let futures = try (0..<5).map { _ in
      try pool.submit {
        started.open()
        while true { pause() }
      }
    }
    started.pass()
    pool.terminate()
    for future in futures {
      XCTAssertNotNil(thrown(CancellationError.self) { try future.result() })
      XCTAssertTrue(future.isCancelled)
    }
    XCTAssertTrue(try pool.join())
    XCTAssertEqual(activeChildren(), [])
  }

  func testAForgottenPoolLeavesNothing() throws {
    let started = Gate()
    do {
      let pool = try Pool(processes: 2)
      for _ in 0..<5 {
        _ = try pool.submit {
          started.open()
          while true { pause() }
        }
      }
      started.pass()
    }
    XCTAssertTrue(eventually { activeChildren().isEmpty })
  }

  func testAFutureHoldsItsPool() throws {
    let gate = Gate()
    let future = try Pool(processes: 1).submit { () -> Int in
      gate.pass()
      return 4
    }
    gate.open()
    XCTAssertEqual(try future.result(), 4)
    XCTAssertTrue(eventually { activeChildren().isEmpty })
  }

  func testResultsHoldTheirPool() throws {
    let results = try Pool(processes: 2).imap(0..<10) { $0 }
    XCTAssertEqual(try results.map { try $0.get() }, Array(0..<10))
  }

  func testTasksPerChild() throws {
    let pool = try Pool(processes: 2, tasksPerChild: 3)
    for chunkSize in [1, 2, 7, nil] {
      let pids = try pool.map(0..<20, chunkSize: chunkSize) { _ in getpid() }
      XCTAssertLessThanOrEqual(Dictionary(grouping: pids) { $0 }.values.map(\.count).max() ?? 0, 3)
    }
    let pids = try (0..<6).map { _ in try pool.submit { getpid() }.result() }
    XCTAssertGreaterThanOrEqual(Set(pids).count, 2)
  }

  func testRecycling() throws {
    let pool = try Pool(processes: 1, recycleAbove: 1)
    let function = try pool.register { (_: Int) in getpid() }
    let pids = try pool.map(0..<5, chunkSize: 2, function)
    XCTAssertEqual(Set(pids).count, 5)
    let patient = try Pool(processes: 1, recycleAbove: 1 << 50)
    let same = try patient.register { (_: Int) in getpid() }
    XCTAssertEqual(Set(try patient.map(0..<5, same)).count, 1)
  }

  func testCancellingWhatWaitsAndWhatRuns() throws {
    let started = Gate()
    let ran = Flag()
    let pool = try Pool(processes: 1)
    let running = try pool.submit {
      started.open()
      while true { pause() }
    }
    let waiting = try pool.submit { ran.raise() }
    started.pass()
    XCTAssertTrue(waiting.cancel())
    XCTAssertTrue(running.cancel())
    XCTAssertNotNil(thrown(CancellationError.self) { try running.result() })
    XCTAssertNotNil(thrown(CancellationError.self) { try waiting.result() })
    let last = try pool.submit { 6 }
    XCTAssertEqual(try last.result(), 6)
    XCTAssertFalse(last.cancel())
    XCTAssertFalse(ran.isRaised)
  }

  func testEndlessInputsArePulledAsNeeded() throws {
    let pulled = Atomic<Int>(0)
    let pool = try Pool(processes: 2)
    let inputs = sequence(first: 0) { number in
      pulled.add(1, ordering: .relaxed)
      return number + 1
    }
    let results = try pool.imap(inputs) { number in
      usleep(100)
      return number
    }
    for number in 0..<30 { XCTAssertEqual(try results.next()?.get(), number) }
    XCTAssertLessThan(pulled.load(ordering: .relaxed), 1000)
  }

  func testNestedPools() throws {
    let pool = try Pool(processes: 2)
    let sums = try pool.map(1...4) { number in
      try Pool(processes: 2).map(1...10) { $0 * number }.reduce(0, +)
    }
    XCTAssertEqual(sums, [55, 110, 165, 220])
  }

  func testAPoolBelongsToItsProcess() throws {
    let pool = try Pool(processes: 1)
    XCTAssertEqual(try pool.submit { 1 }.result(), 1)
    let error = try Process.run { () -> String in
      do {
        _ = try pool.submit { 2 }
        return "nothing"
      } catch {
        return "\(error)"
      }
    }
    XCTAssertTrue(error.contains("another process"), error)
    XCTAssertEqual(try pool.submit { 3 }.result(), 3)
  }

  func testManyThreads() throws {
    let pool = try Pool(processes: 2)
    let function = try pool.register { (number: Int) in number * 2 }
    let rights = concurrently(8) { thread -> Int in
      (0..<200).count { number in
        switch number % 50 {
        case 0: (try? pool.map(0..<20, function)) == (0..<20).map { $0 * 2 }
        default: (try? pool.submit(function, args: number).result()) == number * 2
        }
      }
    }
    XCTAssertEqual(rights, Array(repeating: 200, count: 8))
  }

  func testTwoHundredPools() throws {
    for number in 0..<200 {
      let pool = try Pool(processes: 1)
      XCTAssertEqual(try pool.submit { number }.result(), number)
      if number % 2 == 0 {
        pool.close()
        try pool.join()
      }
    }
    XCTAssertTrue(eventually { activeChildren().isEmpty })
  }

  func testLargePayloads() throws {
    let pool = try Pool(processes: 2)
    let blobs = (0..<20).map { [UInt8](repeating: UInt8($0), count: ($0 * 37 % 11) << 17) }
    XCTAssertEqual(try pool.map(blobs) { $0 }, blobs)
    XCTAssertEqual(try pool.map(blobs, chunkSize: 7) { $0 + [1] }, blobs.map { $0 + [1] })
    let huge = [UInt8](repeating: 3, count: 100 << 20)
    XCTAssertEqual(try pool.submit({ (bytes: [UInt8]) in bytes.count }, args: huge).result(), 100 << 20)
    XCTAssertEqual(try pool.submit { [UInt8](repeating: 3, count: 100 << 20) }.result(), huge)
  }

  func testStatistics() throws {
    let pool = try Pool(processes: 2)
    XCTAssertEqual(pool.statistics.workers, [])
    let results = try pool.mapResults(0..<50, chunkSize: 5) { number in
      if number == 20 { abort() }
      return number
    }
    XCTAssertEqual(results.count, 50)
    pool.close()
    try pool.join()
    XCTAssertEqual(pool.statistics.tasks, 50)
    XCTAssertTrue(pool.statistics.workers.allSatisfy { $0.id == nil })
    XCTAssertTrue(pool.statistics.workers.allSatisfy { $0.peakMemory > 1 << 20 })
  }

  func testMemoryOfWorkers() throws {
    let pool = try Pool(processes: 1)
    let size = 64 << 20
    let touch: @Sendable () -> Int = { [UInt8](repeating: 1, count: size).count }
    XCTAssertEqual(try pool.submit { getpid() }.result(), activeChildren().first?.pid)
    let before = pool.statistics.peakMemory
    XCTAssertGreaterThan(before, 0)
    // Of one that lives, of one that has died, and of what a worker had before it gave it back.
    XCTAssertEqual(try pool.submit { touch() }.result(), size)
    XCTAssertGreaterThanOrEqual(pool.statistics.peakMemory, size)
    let other = try Pool(processes: 1)
    _ = try other.mapResults([0]) { _ in touch() == size ? kill(getpid(), SIGKILL) : 0 }
    XCTAssertTrue(eventually { other.statistics.peakMemory >= size })
  }

  func testSharedHandlesCross() throws {
    let pool = try Pool(processes: 2)
    XCTAssertEqual(try pool.submit { 1 }.result(), 1)
    let function = try pool.register { (queue: Queue<Int>) in try queue.put(7) }
    let queue = try Queue<Int>()
    try pool.submit(function, args: queue).result()
    XCTAssertEqual(try queue.get(), 7)
  }

  func testProgress() throws {
    let pool = try Pool(processes: 2)
    let told = Mutex<[Int]>([])
    let note: @Sendable (Int, Int?) -> Void = { done, total in
      if total != 500 { XCTFail("\(total as Any)") }
      told.withLock { $0.append(done) }
    }
    _ = try pool.map(0..<500, progress: note) { $0 }
    let dones = told.withLock { $0 }
    XCTAssertEqual(dones, dones.sorted())
    XCTAssertEqual(dones.last, 500)
  }
}
