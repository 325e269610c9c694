import MultiprocessingEngine
import TestSupport
import XCTest

@testable import Multiprocessing

/// A test for each behaviour of the concurrency library that the executors rely on. What a new toolchain changes is red here first.
///
/// In children throughout: executors are installed once in a process.
final class ExecutorDoorTests: AuditedTestCase {
  /// Notes the jobs, and runs them when told to, on the calling thread.
  private final class Receiver: JobReceiver {
    struct Arrival: Equatable {
      let place: JobPlace
      let priority: UInt8
      let delay: Duration?
    }

    private let state = ForkAwareLock((arrivals: [Arrival](), jobs: [(job: UnownedJob, place: JobPlace)]()))
    private let isMain = ForkAwareLock(false)

    var isOfThisProcess: Bool { true }
    var isOnMainThread: Bool {
      get { isMain.withLock { $0 } }
      set { isMain.withLock { $0 = newValue } }
    }

    func take(_ job: UnownedJob, for place: JobPlace, after delay: Duration?) {
      state.withLock {
        $0.arrivals.append(Arrival(place: place, priority: job.priority.rawValue, delay: delay))
        $0.jobs.append((job, place))
      }
    }

    var arrivals: [Arrival] { state.withLock { $0.arrivals } }
    var places: [JobPlace] { arrivals.map(\.place) }

    /// Runs all there is, and what comes meanwhile.
    func drain() {
      while let (job, place) = state.withLock({ $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }) {
        ExecutorDoor.run(job, in: place)
      }
    }
  }

  /// In a child whose executors pass on to a receiver: what `body` answers.
  private func inChild(
    line: UInt = #line, _ body: @escaping @Sendable (Receiver) throws -> Bool
  ) throws {
    ExecutorDoor.prepare()
    let isRight = try Process.run(timeout: .seconds(60)) {
      let receiver = Receiver()
      ExecutorDoor.open(for: receiver)
      return try body(receiver)
    }
    XCTAssertTrue(isRight, line: line)
  }

  func testATaskComesToThePool() throws {
    try inChild { receiver in
      Task.detached {}
      return receiver.places == [.pool]
    }
  }

  func testATaskOfTheMainActorComesToTheMainThread() throws {
    try inChild { receiver in
      Task { @MainActor in }
      return receiver.places == [.mainThread]
    }
  }

  func testWhatRunsIsOver() throws {
    try inChild { receiver in
      let isDone = Flag()
      Task.detached { isDone.raise() }
      receiver.drain()
      return isDone.isRaised && receiver.places == [.pool]
    }
  }

  func testTheMainActorIsEnteredAndLeft() throws {
    try inChild { receiver in
      let isDone = Flag()
      Task.detached {
        await MainActor.run { MainActor.preconditionIsolated() }
        isDone.raise()
      }
      receiver.drain()
      return isDone.isRaised && receiver.places == [.pool, .mainThread, .pool]
    }
  }

  /// Were the pool a preferred executor, each of these calls would go through it.
  func testCallsOfAsyncFunctionsStayWhereTheyAre() throws {
    try inChild { receiver in
      let isDone = Flag()
      Task.detached {
        for _ in 0..<100 { await Self.doNothing() }
        await Counter().count()
        isDone.raise()
      }
      receiver.drain()
      return isDone.isRaised && receiver.places == [.pool]
    }
  }

  @concurrent private static func doNothing() async {}

  private actor Counter {
    private var number = 0
    func count() { number += 1 }
  }

  func testYieldingComesBack() throws {
    try inChild { receiver in
      let isDone = Flag()
      Task.detached {
        await Task.yield()
        isDone.raise()
      }
      let job = receiver.arrivals.count
      receiver.drain()
      return isDone.isRaised && job == 1 && receiver.arrivals.count > 1 && Set(receiver.places) == [.pool]
    }
  }

  func testPriorities() throws {
    try inChild { receiver in
      for priority in [TaskPriority.background, .utility, .medium, .high] { Task.detached(priority: priority) {} }
      let priorities = receiver.arrivals.map(\.priority)
      return priorities == priorities.sorted() && Set(priorities).count == 4
    }
  }

  func testEverySleepComesWithItsDelay() throws {
    try inChild { receiver in
      Task.detached { try await Task.sleep(nanoseconds: 3_600_000_000_000) }
      Task.detached { try await Task.sleep(for: .seconds(3600)) }
      Task.detached { try await Task.sleep(until: .now + .seconds(3600)) }
      Task.detached { try await Task.sleep(for: .seconds(3600), tolerance: .seconds(1), clock: .suspending) }
      Task.detached { try await ContinuousClock().sleep(for: .seconds(3600)) }
      Task.detached { try await SuspendingClock().sleep(for: .seconds(3600)) }
      let expected = 6
      guard receiver.places == Array(repeating: .pool, count: expected) else { return false }
      // Runs the six, and the sleeping jobs right behind them: a sleep ends when its job runs.
      receiver.drain()
      let delays = receiver.arrivals.dropFirst(expected).compactMap(\.delay)
      return delays.count == expected && delays.allSatisfy { (.seconds(3500)...(.seconds(3600))).contains($0) }
    }
  }

  /// The main executor takes no delays, and need not.
  func testASleepOfTheMainActorIsThePools() throws {
    try inChild { receiver in
      Task { @MainActor in try await Task.sleep(for: .seconds(3600)) }
      receiver.drain()
      let sleeps = receiver.arrivals.filter { $0.delay != nil }
      return sleeps.map(\.place) == [.pool] && receiver.places.first == .mainThread
        && receiver.places.last == .mainThread
    }
  }

  func testTheReceiverKnowsTheMainThread() throws {
    try inChild { receiver in
      receiver.isOnMainThread = true
      return MainActor.assumeIsolated { true }
    }
    let process = Process {
      ExecutorDoor.open(for: Receiver())
      MainActor.assumeIsolated {}
    }
    try process.start()
    XCTAssertEqual(try crash(of: process).message?.contains("MainActor"), true)
  }

  func testACancelledSleepEndsWithoutItsJob() throws {
    try inChild { receiver in
      let isDone = Flag()
      let task = Task.detached {
        do { try await Task.sleep(for: .seconds(3600)) } catch { isDone.raise() }
      }
      task.cancel()
      receiver.drain()
      return isDone.isRaised
    }
  }

  /// Executors of a process are not those of its fork.
  func testASynchronousChildOfAnAsyncOne() throws {
    let message = try Process.run(timeout: .seconds(60)) {
      await Task.yield()
      let child = Process { _ = Task {} }
      try child.start()
      return try crash(of: child).message ?? "none"
    }
    XCTAssert(message.contains("async target"), message)
  }
}

/// The report of a process that has to crash.
func crash(of process: ProcessBase) throws -> CrashReport {
  XCTAssertTrue(try process.join(timeout: .seconds(60)))
  if case ProcessError.crashed(let report)? = process.terminationError { return report }
  throw process.terminationError ?? ProcessError.stillRunning
}
