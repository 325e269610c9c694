import Glibc
import Multiprocessing
import MultiprocessingEngine
import Synchronization

struct StormElement: Codable, Sendable {
  var producer: Int
  var number: Int
  var filler: [UInt8]

  init(producer: Int, number: Int, length: Int) {
    self.producer = producer
    self.number = number
    filler = Array(repeating: Self.fill(producer, number), count: length)
  }

  var isWhole: Bool { filler == Array(repeating: Self.fill(producer, number), count: filler.count) }

  private static func fill(_ producer: Int, _ number: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: producer &* 31 &+ number)
  }
}

/// Numbers that a seed decides (SplitMix64).
struct StormRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
  }
}

/// What every process of a storm notes ahead of each call and behind it, in memory that outlives it: of a killed process one
/// call alone is uncertain. And a number that all of them count up, under a mutex.
final class StormNotes: @unchecked Sendable {
  // Sendable: immutable, but for shared memory. Each worker's words have one writer, the number is guarded by the mutex, and
  // the elements' are atomic.
  static let mostWorkers = 512
  static let mostElements = 1 << 16
  private static let wordsPerWorker = 8

  private let segment: SharedSegment
  private let mutex: RobustMutex

  enum Word: Int {
    /// A producer's: the number of the element it is about to put, and of the last one it has put.
    case aboutToPut, hasPut
    /// A consumer's: how often it called `get`, and how often it has noted what came of it.
    case aboutToGet, hasGot
    case hasCounted
    /// Not zero: what has gone wrong.
    case fault
  }

  init() throws {
    let size = 4096 + Self.mostWorkers * (Self.wordsPerWorker * 8 + Self.mostElements)
    segment = try SharedSegment.make(SegmentLabel(kind: "stor"), capacity: size, reserved: 4096 + Self.mostWorkers * 64)
    try segment.reserve(0..<size)
    mutex = try RobustMutex.make(at: segment.contents)
  }

  // MARK: Words

  var isStopped: SharedWord { SharedWord(at: segment.contents + 64) }
  private var holder: SharedWord { SharedWord(at: segment.contents + 72) }
  private var number: SharedWord { SharedWord(at: segment.contents + 80) }

  func word(_ worker: Int, _ word: Word) -> SharedWord {
    SharedWord(at: segment.contents + 4096 + (worker * Self.wordsPerWorker + word.rawValue) * 8)
  }

  private func seen(_ producer: Int, _ number: Int) -> UnsafeMutablePointer<Atomic<UInt8>> {
    let seen = 4096 + Self.mostWorkers * Self.wordsPerWorker * 8
    return (segment.contents + seen + producer * Self.mostElements + number).assumingMemoryBound(to: Atomic<UInt8>.self)
  }

  func stop() { isStopped.publish(1) }

  private enum Fault: UInt64 {
    case heldByTwo = 1
    case halfAnElement, outOfOrder, unknownElement
  }

  // MARK: In the workers

  /// Counts up the number that all share.
  func count(as worker: Int) throws {
    let taking = try mutex.lock()
    if taking == .taken, holder.value != 0 { word(worker, .fault).publish(Fault.heldByTwo.rawValue) }
    holder.value = UInt64(worker) + 1
    number.value += 1
    word(worker, .hasCounted).value += 1
    holder.value = 0
    mutex.unlock()
  }

  func produce(
    _ queue: Queue<StormElement>, as worker: Int, length: Int, _ random: inout StormRandom
  ) throws {
    var number = 1
    while isStopped.observe() == 0, number < Self.mostElements {
      let element = StormElement(producer: worker, number: number, length: Int.random(in: 0...length, using: &random))
      word(worker, .aboutToPut).publish(UInt64(number))
      if try put(element, into: queue, &random) {
        word(worker, .hasPut).publish(UInt64(number))
        number += 1
      }
      if number % 4 == 0 { try count(as: worker) }
      // Without a capacity, memory is the only bound.
      while length > 1000, queue.count > 50, isStopped.observe() == 0 { usleep(200) }
    }
  }

  private func put(
    _ element: StormElement, into queue: Queue<StormElement>, _ random: inout StormRandom
  ) throws -> Bool {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: return try queue.tryPut(element)
    case 1:
      do { try queue.put(element, timeout: .milliseconds(1)) } catch is TimeoutError { return false }
    default: try queue.put(element)
    }
    return true
  }

  func consume(_ queue: Queue<StormElement>, as worker: Int, _ random: inout StormRandom) throws {
    var last = Array(repeating: 0, count: Self.mostWorkers)
    var calls: UInt64 = 0
    while true {
      calls += 1
      word(worker, .aboutToGet).publish(calls)
      do {
        if let element = try get(from: queue, &random) {
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

  private func get(from queue: Queue<StormElement>, _ random: inout StormRandom) throws -> StormElement? {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: return try queue.tryGet()
    case 1:
      do { return try queue.get(timeout: .milliseconds(1)) } catch is TimeoutError { return nil }
    default: return try queue.get()
    }
  }

  func note(_ element: StormElement, as worker: Int, _ last: inout [Int]) {
    guard 0..<Self.mostWorkers ~= element.producer, 1..<Self.mostElements ~= element.number else {
      return word(worker, .fault).publish(Fault.unknownElement.rawValue)
    }
    if !element.isWhole { word(worker, .fault).publish(Fault.halfAnElement.rawValue) }
    if element.number <= last[element.producer] { word(worker, .fault).publish(Fault.outOfOrder.rawValue) }
    last[element.producer] = element.number
    seen(element.producer, element.number).pointee.wrappingAdd(1, ordering: .relaxed)
  }

  // MARK: Afterwards

  struct Findings {
    var elements = 0
    /// Elements that were put and that nobody has noted.
    var lost = 0
    var faults: [String] = []
  }

  /// What the notes of the workers tell, of whom those in `killed` were killed.
  func examine(workers: Int, killed: Set<Int>) -> Findings {
    var findings = Findings()
    var counted: UInt64 = 0
    var uncertainGets = 0
    for worker in 0..<workers {
      let fault = word(worker, .fault).observe()
      if fault != 0 { findings.faults.append("\(Fault(rawValue: fault) as Any) in worker \(worker)") }
      counted += word(worker, .hasCounted).observe()
      if word(worker, .aboutToGet).observe() != word(worker, .hasGot).observe() { uncertainGets += 1 }
      let put = Int(word(worker, .hasPut).observe())
      let uncertain = Int(word(worker, .aboutToPut).observe())
      for number in 1..<max(2, min(uncertain + 2, Self.mostElements)) {
        let times = seen(worker, number).pointee.load(ordering: .relaxed)
        if times > 1 { findings.faults.append("element \(number) of \(worker) was got \(times) times") }
        if times == 0, number <= put { findings.lost += 1 }
        if times > 0, number > put, !killed.contains(worker) || number != uncertain {
          findings.faults.append("element \(number) of \(worker) was got and never put")
        }
        findings.elements += Int(times)
      }
    }
    if findings.lost > uncertainGets {
      findings.faults.append("\(findings.lost) elements lost, \(uncertainGets) taken by the dead at most")
    }
    if !(counted...counted + UInt64(killed.count) ~= number.value) {
      findings.faults.append("counted \(number.value), and \(counted) by those who counted")
    }
    return findings
  }
}
