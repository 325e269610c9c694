import Glibc
import Multiprocessing
import MultiprocessingEngine
import TestSupport
import XCTest

import class Multiprocessing.Process
import class Multiprocessing.Semaphore

/// Hundreds of tasks that wait at once.
final class ManyWaitsTests: KeptTestCase {
  override var patience: Double { 600 }

  /// No thread that runs tasks is blocked by one that waits: others go on while all of them do.
  func testATickingTaskKeepsItsBeat() async throws {
    let (children, others) = (200, 300)
    let gate = Gate()
    let processes = (0..<children).map { number in
      Process { () -> Int in
        gate.pass()
        return number
      }
    }
    for process in processes { try process.start() }
    let queues = try (0..<others / 4).map { _ in try Queue<Int>() }
    let (event, semaphore, lock) = (try Event(), try Semaphore(0), try Lock())
    try await lock.acquire()
    let ticks = try SharedAtomic(0)
    try await withThrowingTaskGroup(of: Int.self) { group in
      for process in processes { group.addTask { try await process.value } }
      for queue in queues { group.addTask { try await queue.get() } }
      for _ in 0..<others / 4 {
        group.addTask {
          try await event.wait()
          return 1
        }
        group.addTask {
          try await semaphore.acquire()
          return 1
        }
        group.addTask {
          try await lock.withLock { 1 }
        }
      }
      try await untilWaiting(others)
      let ticker = Task {
        while !Task.isCancelled {
          ticks.add(1)
          await Task.yield()
        }
      }
      // However long it takes, it comes about while all of them wait.
      while ticks.load() < 1000 { try await Task.sleep(for: .milliseconds(1)) }
      XCTAssertEqual(Keeper.waitCount, others)
      ticker.cancel()
      await ticker.value
      gate.open(children)
      for queue in queues { try await queue.put(1) }
      event.set()
      try semaphore.release(others / 4)
      try lock.release()
      let sum = try await group.reduce(0, +)
      XCTAssertEqual(sum, (0..<children).reduce(0, +) + others)
    }
    for process in processes { try await process.join() }
  }
}
