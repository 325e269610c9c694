import Foundation
import Synchronization

/// One kind of work that Swift concurrency does; true when it came to what it should.
struct AsyncWork: Sendable {
  let name: String
  let body: @Sendable () async throws -> Bool

  static let all: [AsyncWork] = tasks + sleeps + isolation + cancelling + others

  init(_ name: String, _ body: @escaping @Sendable () async throws -> Bool) {
    self.name = name
    self.body = body
  }

  // MARK: Tasks

  private static let tasks = [
    AsyncWork("the value of a task") { await Task { 3 }.value == 3 },
    AsyncWork("async let") {
      async let one = 1
      async let two = 2
      return await one + two == 3
    },
    AsyncWork("a group of 200") {
      await withTaskGroup(of: Int.self) { group in
        for number in 0..<200 {
          group.addTask {
            await Task.yield()
            return number
          }
        }
        return await group.reduce(0, +) == 19_900
      }
    },
    AsyncWork("a discarding group") {
      let counter = Counter()
      await withDiscardingTaskGroup { group in
        for _ in 0..<50 { group.addTask { _ = await counter.increment() } }
      }
      return await counter.increment() == 51
    },
    AsyncWork("an immediate task") { await Task.immediate { 4 }.value == 4 },
  ]

  // MARK: Sleep

  private static func sleeps(_ body: () async throws -> Void) async rethrows -> Bool {
    let clock = ContinuousClock()
    return try await clock.measure(body) >= .milliseconds(20)
  }

  private static let sleeps = [
    AsyncWork("sleep in nanoseconds") { try await sleeps { try await Task.sleep(nanoseconds: 20_000_000) } },
    AsyncWork("sleep for a duration") { try await sleeps { try await Task.sleep(for: .milliseconds(20)) } },
    AsyncWork("sleep until a suspending instant") {
      try await sleeps {
        let end = SuspendingClock.now + .milliseconds(20)
        try await Task.sleep(until: end, tolerance: .milliseconds(2), clock: .suspending)
      }
    },
    AsyncWork("a clock's sleep") { try await sleeps { try await ContinuousClock().sleep(for: .milliseconds(20)) } },
    AsyncWork("sleep on the main actor") {
      try await Task { @MainActor in
        let start = ContinuousClock.now
        try await Task.sleep(for: .milliseconds(20))
        return ContinuousClock.now - start >= .milliseconds(20) && Thread.isMainThread
      }.value
    },
    AsyncWork("sleep sort") {
      await withTaskGroup(of: Int.self) { group in
        for number in [5, 1, 4, 2, 3] {
          group.addTask {
            try? await Task.sleep(for: .milliseconds(40 * number))
            return number
          }
        }
        // The order is not certain on a busy machine; that each one wakes up is.
        return await group.reduce(0, +) == 15
      }
    },
  ]

  // MARK: Isolation

  private static let isolation = [
    AsyncWork("an actor, a thousand times") {
      let counter = Counter()
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<1000 { group.addTask { _ = await counter.increment() } }
      }
      return await counter.increment() == 1001
    },
    AsyncWork("an idle actor of the parent's") { await Counter.ofTheParent.increment() > 0 },
    AsyncWork("the main actor") {
      let counter = MainCounter()
      for _ in 0..<50 { await counter.increment() }
      return await MainActor.run { counter.count == 50 && Thread.isMainThread }
    },
    AsyncWork("away from the main thread") { !onMainThread() },
    AsyncWork("assuming the main actor") {
      await MainActor.run { MainActor.assumeIsolated { Thread.isMainThread } }
    },
  ]

  private static func onMainThread() -> Bool { Thread.isMainThread }

  // MARK: Cancellation

  private static let cancelling = [
    AsyncWork("cancelling a sleep") {
      let sleeper = Task {
        do {
          try await Task.sleep(for: .seconds(300))
          return false
        } catch { return error is CancellationError }
      }
      try await Task.sleep(for: .milliseconds(5))
      sleeper.cancel()
      return await sleeper.value
    },
    AsyncWork("a cancellation handler") {
      let isCalled = Signpost()
      let task = Task {
        await withTaskCancellationHandler {
          // Not until the task is cancelled: it could leave before the handler is called.
          while !isCalled.isPassed { await Task.yield() }
        } onCancel: {
          isCalled.pass()
        }
      }
      await Task.yield()
      task.cancel()
      await task.value
      return isCalled.isPassed
    },
    AsyncWork("a race against time") {
      do {
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await Task.sleep(for: .seconds(300)) }
          group.addTask {
            try await Task.sleep(for: .milliseconds(10))
            throw URLError(.timedOut)
          }
          // The first one to end throws, and the group cancels the other.
          try await group.next()
        }
        return false
      } catch { return error is URLError }
    },
  ]

  // MARK: And more

  private static let others = [
    AsyncWork("a stream") {
      let (stream, continuation) = AsyncStream<Int>.makeStream()
      Task {
        for number in 0..<100 {
          continuation.yield(number)
          if number % 10 == 0 { await Task.yield() }
        }
        continuation.finish()
      }
      return await stream.reduce(0, +) == 4950
    },
    AsyncWork("priority") { await Task(priority: .high) { Task.currentPriority == .high }.value },
    AsyncWork("a raised priority") {
      let low = Task.detached(priority: .background) {
        for _ in 0..<50 { await Task.yield() }
        return Task.currentPriority
      }
      return await Task.detached(priority: .high) { await low.value }.value >= .background
    },
    AsyncWork("a low priority beside many high ones") {
      let isSeen = Signpost()
      let low = Task.detached(priority: .background) { isSeen.pass() }
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask(priority: .high) { while !isSeen.isPassed { await Task.yield() } }
        }
      }
      await low.value
      return true
    },
    AsyncWork("a task-local value") { await Local.$number.withValue(9) { await Task { Local.number }.value == 9 } },
    AsyncWork("a continuation from a thread") {
      await withCheckedContinuation { continuation in
        Thread.detachNewThread {
          usleep(2000)
          continuation.resume(returning: true)
        }
      }
    },
    AsyncWork("Codable") { try JSONEncoder().encode(["a": [1, 2, 3]]).count > 0 },
    AsyncWork("threads that are blocked") {
      // Against the rules of the house, but not to hang for.
      let permits = DispatchSemaphore(value: 0)
      return await withTaskGroup(of: Int.self) { group in
        for _ in 0..<4 { group.addTask { wait(for: permits) } }
        group.addTask {
          for _ in 0..<4 { permits.signal() }
          return 0
        }
        return await group.reduce(0, +) == 4
      }
    },
  ]

  private static func wait(for permits: DispatchSemaphore) -> Int {
    permits.wait()
    return 1
  }
}

actor Counter {
  static let ofTheParent = Counter()
  private var count = 0

  func increment() -> Int {
    count += 1
    return count
  }

  /// Keeps the actor busy.
  func run(until isOver: @Sendable () -> Bool) { while !isOver() { usleep(1000) } }
}

@MainActor private final class MainCounter {
  var count = 0
  nonisolated init() {}

  func increment() {
    MainActor.preconditionIsolated()
    count += 1
  }
}

private final class Signpost: Sendable {
  private let word = Atomic(false)
  var isPassed: Bool { word.load(ordering: .relaxed) }
  func pass() { word.store(true, ordering: .relaxed) }
}

private enum Local {
  @TaskLocal static var number = 0
}
