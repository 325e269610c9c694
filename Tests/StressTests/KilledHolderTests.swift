import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Processes that use the primitives, and are killed whenever it happens.
final class KilledHolderTests: AuditedTestCase {
  override var patience: Double { 240 }

  /// Numbers that children share with their parent.
  private final class Numbers: @unchecked Sendable {
    // Sendable: the test's locks guard it.
    private let memory: UnsafeMutablePointer<Int>

    init() {
      let address = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
      precondition(address != MAP_FAILED, "errno \(errno)")
      memory = address!.assumingMemoryBound(to: Int.self)
    }

    deinit { munmap(memory, 4096) }

    subscript(index: Int) -> Int {
      get { memory[index] }
      set { memory[index] = newValue }
    }
  }

  /// Keeps `count` children of `body`, which never ends, going while it kills them in turn; `times` in all.
  private func killing(
    _ count: Int, times: Int, _ body: @escaping @Sendable (Int) throws -> Void, between: () throws -> Void = {}
  ) throws {
    func start(_ number: Int) throws -> Multiprocessing.Process<Void> {
      let process = Process { try body(number) }
      try process.start()
      return process
    }
    var processes = try (0..<count).map(start)
    for time in 0..<times {
      usleep(UInt32.random(in: 0...3000))
      let index = time % count
      try processes[index].kill()
      try processes[index].join()
      XCTAssertEqual(processes[index].exitCode, -SIGKILL)
      try between()
      processes[index] = try start(index)
    }
    for process in processes {
      try process.kill()
      try process.join()
      XCTAssertEqual(process.exitCode, -SIGKILL)
    }
  }

  func testHoldersOfALock() throws {
    let (lock, recursive, numbers) = (try Lock(), try RecursiveLock(), Numbers())
    try killing(3, times: 300) { _ in
      while true {
        try recursive.acquire()
        try recursive.acquire()
        try lock.acquire()
        if lock.previousOwnerDied {
          // The one before may have been between the two.
          numbers[1] = numbers[0]
          lock.markConsistent()
          numbers[2] += 1
        }
        guard numbers[0] == numbers[1] else { exit(5) }
        numbers[0] += 1
        numbers[1] += 1
        try lock.release()
        try recursive.release()
        try recursive.release()
      }
    }
    try lock.acquire(timeout: .seconds(30))
    try recursive.acquire(timeout: .seconds(30))
    XCTAssertGreaterThan(numbers[0], 1000)
    XCTAssertGreaterThan(numbers[2], 0, "nobody was killed with the lock")
    try recursive.release()
    assertThrows(SynchronizationError.released) { try recursive.release() }
    try lock.release()
  }

  func testUsersOfASemaphore() throws {
    let semaphore = try Semaphore(0)
    try killing(
      3, times: 200,
      { _ in
        while true {
          try semaphore.acquire()
          try semaphore.release()
        }
      },
      between: {
        // In place of one that may have died with its killed holder.
        if semaphore.permits == 0 { try semaphore.release() }
      })
    try semaphore.release()
    XCTAssertTrue(semaphore.tryAcquire())
    while semaphore.tryAcquire() {}
    XCTAssertEqual(semaphore.permits, 0)
  }

  func testConsumersOfACondition() throws {
    let (condition, numbers) = (try Condition(), Numbers())
    // Each item is taken by somebody, however many wait and die.
    func produce() throws {
      try condition.acquire(timeout: .seconds(30))
      numbers[0] += 1
      try condition.notify()
      try condition.release()
    }
    try killing(
      4, times: 200,
      { _ in
        while true {
          try condition.acquire()
          try condition.wait { numbers[0] > 0 }
          numbers[0] -= 1
          numbers[1] += 1
          try condition.release()
        }
      },
      between: {
        for _ in 0..<3 { try produce() }
        XCTAssertTrue(eventually { numbers[0] == 0 }, "an item is left, and nobody comes for it")
      })
    XCTAssertGreaterThan(numbers[1], 300)
  }

  func testWaitersForAnEvent() throws {
    let (event, numbers) = (try Event(), Numbers())
    try killing(
      3, times: 200,
      { number in
        while true {
          try event.wait()
          numbers[number] += 1
          event.clear()
        }
      },
      between: {
        let before = (0..<3).map { numbers[$0] }.reduce(0, +)
        XCTAssertTrue(
          eventually {
            event.set()
            return (0..<3).map { numbers[$0] }.reduce(0, +) > before
          })
      })
  }

  func testPartiesOfABarrier() throws {
    let (barrier, numbers) = (try Barrier(parties: 3), Numbers())
    try killing(
      3, times: 150,
      { number in
        while true {
          do {
            try barrier.wait()
            numbers[number] += 1
          } catch SynchronizationError.brokenBarrier {
            usleep(100)
          }
        }
      },
      between: {
        // The killed one was waiting, and has broken it; or it was not, and the other two wait for its successor.
        XCTAssertTrue(eventually { barrier.isBroken || barrier.waiting == 2 })
        barrier.reset()
      })
    barrier.reset()
    let parties = (0..<3).map { _ in Process { try barrier.wait(timeout: .seconds(30)) } }
    for party in parties { try party.start() }
    XCTAssertEqual(Set(try parties.map { try $0.result() }), [0, 1, 2])
    XCTAssertGreaterThan(numbers[0], 0)
  }
}
