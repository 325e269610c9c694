import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Producers and consumers of queues, some of them killed.
  static let queues = Lane(
    kind: "queues",
    operations: [
      Operation("storm", { try storm($0, isAsync: false) }),
      Operation("storm in tasks", { try storm($0, isAsync: true) }),
      Operation("put and die", putAndDie), Operation("queue of queues", queueOfQueues),
      Operation("time out", timeOut),
    ])

  // MARK: A storm

  private static func storm(_ desk: Desk, isAsync: Bool) throws {
    let count = desk.draw.size(upTo: 400) + 5
    let length = desk.draw.chance(8) ? 200_000 : desk.draw.size(upTo: 2000)
    let capacity = desk.draw.one(of: [nil, 1, 2, 16, 1000])
    let (producers, consumers) = (desk.draw.number(1...3), desk.draw.number(0...3))
    let notes = try QueueNotes(producers: producers, consumers: consumers + 1, count: count)
    let queue = try Queue<Parcel>(capacity: capacity)
    func start(
      _ body: @escaping @Sendable (inout Draw) throws -> Void,
      _ task: @escaping @Sendable (inout Draw) async throws -> Void
    )
      throws -> Process<Void>
    {
      let draw = Draw(seed: desk.draw.next())
      let process =
        isAsync
        ? Process {
          var draw = draw
          try await task(&draw)
        }
        : Process {
          var draw = draw
          try body(&draw)
        }
      try process.start()
      return process
    }
    let putting = try (0..<producers).map { producer in
      try start(
        { try notes.produce(queue, producer, length, &$0) },
        { try await notes.produceInTask(queue, producer, length, &$0) })
    }
    let getting = try (0..<consumers).map { consumer in
      try start(
        { try notes.consume(queue, consumer + 1, &$0) }, { try await notes.consumeInTask(queue, consumer + 1, &$0) })
    }
    var victims =
      desk.draw.chance(2) ? [] : Array((putting + getting).shuffled(using: &desk.draw).prefix(desk.draw.number(1...2)))
    // This process consumes as well, so that somebody does when all the others are killed.
    var last = notes.newOrder
    while putting.contains(where: \.isAlive) {
      if let victim = victims.popLast() {
        desk.dawdle(upTo: 5000)
        desk.kill(victim)
      }
      do {
        try notes.take(as: 0, &last) { try queue.get(timeout: .milliseconds(5)) }
        try queue.taskDone()
      } catch is TimeoutError {}
    }
    queue.close()
    while true {
      do {
        try notes.take(as: 0, &last) { try queue.get() }
        try queue.taskDone()
      } catch QueueError.closed { break }
    }
    for (number, process) in putting.enumerated() { try desk.expectEnd(of: process, "producer \(number)") }
    for (number, process) in getting.enumerated() { try desk.expectEnd(of: process, "consumer \(number + 1)") }
    let killed = getting.filter(desk.wasKilled).count
    for fault in notes.faults(
      killedProducers: putting.map(desk.wasKilled), killedConsumers: [false] + getting.map(desk.wasKilled))
    {
      desk.violation(
        "\(fault); capacity \(capacity ?? -1), \(producers) producers, \(consumers) consumers, \(length) bytes")
    }
    desk.require(queue.count == 0, "\(queue.count) elements are left in a drained queue")
    var undone = 0
    while (try? queue.taskDone()) != nil { undone += 1 }
    desk.require(undone <= killed, "\(undone) elements were not done, \(killed) consumers killed")
    desk.require(try queue.join(timeout: .seconds(60)), "join() of a queue whose tasks are done")
  }

  // MARK: Others

  /// Once put returns the element is safe.
  private static func putAndDie(_ desk: Desk) throws {
    let queue = try Queue<[UInt8]>()
    let (put, length) = (try SharedAtomic(0), desk.draw.size(upTo: 100_000))
    let process = Process {
      while true {
        try queue.put([UInt8](repeating: 7, count: length))
        put.add(1)
        if put.load() > 200 { sleep(3600) }
      }
    }
    try process.start()
    desk.dawdle(upTo: 20_000)
    desk.kill(process)
    try process.join()
    let count = queue.count
    desk.require(count == put.load() || count == put.load() + 1, "\(put.load()) put, and \(count) there")
    for _ in 0..<count {
      desk.require(try queue.get(timeout: .seconds(60)) == [UInt8](repeating: 7, count: length), "another element")
    }
    desk.require(try queue.tryGet() == nil, "an element too many")
  }

  /// A queue that crosses in a queue.
  private static func queueOfQueues(_ desk: Desk) throws {
    let (connection, other) = try Connection.pair()
    defer { connection.close() }
    let process = Process {
      let queue: Queue<Int> = try other.receive()
      for number in 0..<100 { try queue.put(number) }
      queue.close()
    }
    try process.start()
    other.close()
    let queue = try Queue<Int>(capacity: 8)
    do { try connection.send(queue) } catch ConnectionError.peerClosed {}
    var expected = 0
    while true {
      do {
        let number = try queue.get(timeout: .milliseconds(50))
        desk.require(number == expected, "\(number) in place of \(expected)")
        expected += 1
      } catch is TimeoutError {
        // Killed before it closed the queue, or on its way.
        if !process.isAlive, queue.isEmpty, !queue.isClosed { break }
      } catch QueueError.closed {
        break
      }
    }
    try desk.expectEnd(of: process)
    desk.require(expected == 100 || desk.wasKilled(process), "\(expected) numbers of 100")
  }

  private static func timeOut(_ desk: Desk) throws {
    let queue = try Queue<Int>(capacity: 1)
    do {
      _ = try queue.get(timeout: .milliseconds(desk.draw.number(0...5)))
      desk.violation("an element of an empty queue")
    } catch is TimeoutError {}
    try queue.put(1)
    desk.require(try !queue.tryPut(2), "a full queue took one more")
    do {
      try queue.put(2, timeout: .milliseconds(desk.draw.number(0...5)))
      desk.violation("a full queue took one more")
    } catch is TimeoutError {}
    desk.tally.add("out of time", to: .errors, 2)
    desk.require(try queue.get() == 1, "another element")
  }
}
