import Endurance
import Glibc
import Multiprocessing

/// An element that shows whether it is whole.
struct Parcel: Codable, Sendable {
  var producer: Int
  var number: Int
  var filler: [UInt8]

  init(_ producer: Int, _ number: Int, length: Int) {
    self.producer = producer
    self.number = number
    filler = Array(repeating: UInt8(truncatingIfNeeded: producer * 31 + number), count: length)
  }

  var isWhole: Bool { filler == Parcel(producer, number, length: filler.count).filler }
}

/// What producers and consumers note ahead of each call and behind it, in memory that outlives them: of a killed one a single call is
/// uncertain. Each place has one writer.
struct QueueNotes: Sendable {
  let producers: Int
  let consumers: Int
  let count: Int
  /// How many elements each producer has put.
  private let put: SharedArray<Int>
  /// How often each consumer has called `get`, and how often it has noted what came of it.
  private let asked: SharedArray<Int>
  private let noted: SharedArray<Int>
  /// How often each consumer has got each element of each producer.
  private let seen: SharedArray<UInt8>
  /// What each consumer has found wrong.
  private let fault: SharedArray<UInt8>

  init(producers: Int, consumers: Int, count: Int) throws {
    (self.producers, self.consumers, self.count) = (producers, consumers, count)
    put = try SharedArray(count: producers, repeating: 0)
    asked = try SharedArray(count: consumers, repeating: 0)
    noted = try SharedArray(count: consumers, repeating: 0)
    fault = try SharedArray(count: consumers, repeating: 0)
    seen = try SharedArray(count: producers * consumers * count, repeating: 0)
  }

  // MARK: In the producers

  func produce(_ queue: Queue<Parcel>, _ producer: Int, _ length: Int, _ draw: inout Draw) throws {
    var number = 0
    while number < count {
      let parcel = Parcel(producer, number, length: draw.number(0...length))
      switch draw.number(0...7) {
      case 0: if try !queue.tryPut(parcel) { continue }
      case 1: do { try queue.put(parcel, timeout: .milliseconds(1)) } catch is TimeoutError { continue }
      default: try queue.put(parcel)
      }
      number += 1
      put[producer] = number
    }
  }

  func produceInTask(_ queue: Queue<Parcel>, _ producer: Int, _ length: Int, _ draw: inout Draw) async throws {
    var number = 0
    while number < count {
      let parcel = Parcel(producer, number, length: draw.number(0...length))
      do {
        switch draw.number(0...7) {
        case 0: try await queue.put(parcel, timeout: .milliseconds(1))
        case 1: try await cancelled { try await queue.put(parcel) }
        default: try await queue.put(parcel)
        }
      } catch is TimeoutError {
        continue
      } catch is CancellationError {
        continue
      }
      number += 1
      put[producer] = number
    }
  }

  // MARK: In the consumers

  /// The last element that a consumer has seen of each producer.
  var newOrder: [Int] { Array(repeating: -1, count: producers) }

  func consume(_ queue: Queue<Parcel>, _ consumer: Int, _ draw: inout Draw) throws {
    var last = newOrder
    while true {
      let choice = draw.number(0...7)
      do {
        try take(as: consumer, &last) {
          switch choice {
          case 0:
            guard let parcel = try queue.tryGet() else { throw Nothing() }
            return parcel
          case 1: return try queue.get(timeout: .milliseconds(1))
          default: return try queue.get()
          }
        }
        try queue.taskDone()
      } catch QueueError.closed {
        return
      } catch is TimeoutError {
      } catch is Nothing {}
    }
  }

  func consumeInTask(_ queue: Queue<Parcel>, _ consumer: Int, _ draw: inout Draw) async throws {
    var last = newOrder
    while true {
      asked[consumer] += 1
      do {
        switch draw.number(0...7) {
        case 0: note(try await queue.get(timeout: .milliseconds(1)), consumer, &last)
        case 1: note(try await cancelled { try await queue.get() }, consumer, &last)
        default: note(try await queue.get(), consumer, &last)
        }
        noted[consumer] = asked[consumer]
        try queue.taskDone()
      } catch {
        noted[consumer] = asked[consumer]
        if error as? QueueError == .closed { return }
        guard error is TimeoutError || error is CancellationError else { throw error }
      }
    }
  }

  private struct Nothing: Error {}

  /// Gets one element and notes it.
  func take(as consumer: Int, _ last: inout [Int], _ get: () throws -> Parcel) throws {
    asked[consumer] += 1
    defer { noted[consumer] = asked[consumer] }
    note(try get(), consumer, &last)
  }

  private func note(_ parcel: Parcel, _ consumer: Int, _ last: inout [Int]) {
    guard 0..<producers ~= parcel.producer, 0..<count ~= parcel.number else {
      fault[consumer] = 1
      return
    }
    if !parcel.isWhole { fault[consumer] = 2 }
    if parcel.number <= last[parcel.producer] { fault[consumer] = 3 }
    last[parcel.producer] = parcel.number
    seen[place(consumer, parcel.producer, parcel.number)] += 1
  }

  private func place(_ consumer: Int, _ producer: Int, _ number: Int) -> Int {
    (consumer * producers + producer) * count + number
  }

  // MARK: Afterwards

  func faults(killedProducers: [Bool], killedConsumers: [Bool]) -> [String] {
    var faults: [String] = []
    var lost: [String] = []
    let names = ["", "an unknown element", "half an element", "elements out of order"]
    for consumer in 0..<consumers where fault[consumer] != 0 {
      faults.append("consumer \(consumer) met \(names[Int(fault[consumer])])")
    }
    for producer in 0..<producers {
      if !killedProducers[producer], put[producer] != count {
        faults.append("producer \(producer) has put \(put[producer]) of \(count)")
      }
      for number in 0..<count {
        let times = (0..<consumers).reduce(0) { $0 + Int(seen[place($1, producer, number)]) }
        if times > 1 { faults.append("element \(number) of \(producer) was got \(times) times") }
        if times == 0, number < put[producer] { lost.append("\(number) of \(producer)") }
        if times > 0, number >= put[producer], !killedProducers[producer] || number > put[producer] {
          faults.append("element \(number) of \(producer) was got and never put")
        }
      }
    }
    let uncertain = (0..<consumers).count { killedConsumers[$0] && asked[$0] != noted[$0] }
    if lost.count > uncertain {
      faults.append("elements \(lost.joined(separator: ", ")) are lost, \(uncertain) taken by the killed at most")
    }
    return faults
  }
}

/// Cancels `body` at some moment.
func cancelled<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
  let task = Task { try await body() }
  await Task.yield()
  task.cancel()
  return try await task.value
}
