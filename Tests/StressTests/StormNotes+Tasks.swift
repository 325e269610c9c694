import Glibc
import Multiprocessing
import MultiprocessingEngine

/// The same workers with the waits of tasks, some of which are cancelled.
extension StormNotes {
  func produceInTasks(_ queue: Queue<StormElement>, as worker: Int, length: Int, seed: UInt64) async throws {
    var random = StormRandom(seed: seed)
    var number = 1
    while isStopped.observe() == 0, number < Self.mostElements {
      let element = StormElement(producer: worker, number: number, length: Int.random(in: 0...length, using: &random))
      word(worker, .aboutToPut).publish(UInt64(number))
      if try await put(element, into: queue, &random) {
        word(worker, .hasPut).publish(UInt64(number))
        number += 1
      }
      if number % 4 == 0 { try count(as: worker) }
      while length > 1000, queue.count > 50, isStopped.observe() == 0 { try await Task.sleep(for: .microseconds(200)) }
    }
  }

  private func put(
    _ element: StormElement, into queue: Queue<StormElement>, _ random: inout StormRandom
  ) async throws -> Bool {
    do {
      switch Int.random(in: 0..<8, using: &random) {
      case 0: return try queue.tryPut(element)
      case 1: try await queue.put(element, timeout: .milliseconds(1))
      case 2: try await cancelled { try await queue.put(element) }
      default: try await queue.put(element)
      }
      return true
    } catch is TimeoutError {
      return false
    } catch is CancellationError {
      return false
    }
  }

  func consumeInTasks(_ queue: Queue<StormElement>, as worker: Int, seed: UInt64) async throws {
    var random = StormRandom(seed: seed)
    var last = Array(repeating: 0, count: Self.mostWorkers)
    var calls: UInt64 = 0
    while true {
      calls += 1
      word(worker, .aboutToGet).publish(calls)
      do {
        if let element = try await get(from: queue, &random) {
          note(element, as: worker, &last)
          word(worker, .hasGot).publish(calls)
          try queue.taskDone()
        } else {
          word(worker, .hasGot).publish(calls)
        }
      } catch QueueError.closed {
        word(worker, .hasGot).publish(calls)
        return
      }
      if calls % 4 == 0 { try count(as: worker) }
    }
  }

  private func get(from queue: Queue<StormElement>, _ random: inout StormRandom) async throws -> StormElement? {
    do {
      switch Int.random(in: 0..<8, using: &random) {
      case 0: return try queue.tryGet()
      case 1: return try await queue.get(timeout: .milliseconds(1))
      case 2: return try await cancelled { try await queue.get() }
      default: return try await queue.get()
      }
    } catch is TimeoutError {
      return nil
    } catch is CancellationError {
      return nil
    }
  }

  /// Cancels `body` at some moment.
  private func cancelled<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let task = Task { try await body() }
    await Task.yield()
    task.cancel()
    return try await task.value
  }
}
