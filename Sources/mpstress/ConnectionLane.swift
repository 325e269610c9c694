import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Connections and listeners, whose peers are killed.
  static let connections = Lane(
    kind: "connections",
    operations: [
      Operation("echo", echo), Operation("one way", oneWay),
      Operation("unix listener", { try listen($0, .unix(path: path($0))) }),
      Operation("abstract listener", { try listen($0, .abstract(name: path($0))) }),
      Operation("tcp listener", { try listen($0, .tcp(host: "127.0.0.1", port: 0)) }),
      Operation("descriptors", descriptors), Operation("wait for several", waitForSeveral),
    ])

  private static func path(_ desk: Desk) -> String { "/tmp/mpstress-\(getpid())-\(desk.step)" }

  private struct Letter: Codable, Equatable {
    var number: Int
    var text: String
    var bytes: [UInt8]
  }

  private static func letter(_ desk: Desk) -> Letter {
    let length = desk.draw.chance(6) ? desk.draw.size(upTo: 1 << 20) : desk.draw.size(upTo: 1000)
    return Letter(number: desk.draw.number(0...1000), text: "편지", bytes: [UInt8](repeating: 9, count: length))
  }

  /// Waits for a message as long as the peer may send one; nil when it was killed. Another child may have inherited the peer's end, so that no
  /// end of file tells of the death.
  private static func receive<T: Decodable>(_ connection: Connection, from process: ProcessBase, _ desk: Desk) throws
    -> T?
  {
    while true {
      let isGone = !process.isAlive
      do {
        return try connection.receive(timeout: .milliseconds(isGone ? 0 : 50))
      } catch is TimeoutError {
        if isGone {
          desk.require(
            desk.wasKilled(process), "the peer ended with \(process.exitCode ?? 0), and a message is missing")
          return nil
        }
      } catch ConnectionError.peerClosed {
        try process.join()
        desk.require(desk.wasKilled(process), "the peer closed with \(process.exitCode ?? 0), and a message is missing")
        desk.tally.add("peer closed", to: .errors)
        return nil
      }
    }
  }

  /// Sends a message; false when nobody is there any more.
  private static func send(_ value: some Encodable, _ connection: Connection, to process: ProcessBase, _ desk: Desk)
    throws -> Bool
  {
    do {
      try connection.send(value)
      return true
    } catch ConnectionError.peerClosed {
      try process.join()
      desk.require(desk.wasKilled(process), "the peer closed with \(process.exitCode ?? 0), and should receive")
      desk.tally.add("peer closed", to: .errors)
      return false
    }
  }

  private static func echo(_ desk: Desk) throws {
    let (connection, other) = try Connection.pair()
    defer { connection.close() }
    let process = Process {
      while let letter: Letter = try other.receive(Letter?.self) { try other.send(letter) }
    }
    try process.start()
    other.close()
    try exchange(connection, process, desk)
    try desk.expectEnd(of: process)
  }

  /// Sends letters, receives them, and says that it was the last.
  private static func exchange(_ connection: Connection, _ process: ProcessBase, _ desk: Desk) throws {
    let count = desk.draw.size(upTo: 100)
    let victim = desk.draw.chance(4) ? desk.draw.number(0...count) : -1
    for number in 0..<count {
      if number == victim { desk.kill(process) }
      let letter = letter(desk)
      guard try send(Letter?.some(letter), connection, to: process, desk),
        let answer: Letter = try receive(connection, from: process, desk)
      else { return }
      desk.require(
        answer == letter, "letter \(answer.number) of \(answer.bytes.count) bytes in place of \(letter.number)")
    }
    _ = try send(Letter?.none, connection, to: process, desk)
  }

  private static func oneWay(_ desk: Desk) throws {
    let (reader, writer) = try Connection.pair(duplex: false)
    defer { reader.close() }
    let count = desk.draw.size(upTo: 300)
    let process = Process {
      for number in 0..<count {
        try writer.sendBytes([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number + 1))
      }
      try writer.send(true)
    }
    try process.start()
    writer.close()
    if desk.draw.chance(3) {
      desk.dawdle(upTo: 5000)
      desk.kill(process)
    }
    var expected = 0
    while expected < count {
      let isGone = !process.isAlive
      do {
        let bytes = try reader.receiveBytes(timeout: .milliseconds(isGone ? 0 : 50))
        desk.require(
          bytes.count == expected + 1 && bytes.allSatisfy { $0 == UInt8(truncatingIfNeeded: expected) }, "other bytes")
        expected += 1
      } catch is TimeoutError {
        if isGone { break }
      } catch ConnectionError.peerClosed {
        break
      }
    }
    if expected == count { _ = try receive(reader, from: process, desk) as Bool? }
    try desk.expectEnd(of: process)
    desk.require(expected == count || desk.wasKilled(process), "\(expected) messages of \(count)")
  }

  private static func listen(_ desk: Desk, _ address: Address) throws {
    let key: [UInt8]? = desk.draw.chance(2) ? [1, 2, 3] : nil
    let listener = try Listener(address, authKey: key)
    defer { listener.close() }
    let isStranger = key != nil && desk.draw.chance(3)
    let place = listener.address
    let process = Process<Int>(quiet: {
      let connection = try Connection.connect(to: place, authKey: isStranger ? [7] : key)
      while let letter: Letter = try connection.receive(Letter?.self) { try connection.send(letter) }
      return 4
    })
    try process.start()
    if desk.draw.chance(5) {
      desk.dawdle(upTo: 3000)
      desk.kill(process)
    }
    let ready = try waitAny([listener, process])
    if ready.contains(where: { $0 as AnyObject === listener }) {
      do {
        let connection = try listener.accept(timeout: .seconds(60))
        defer { connection.close() }
        desk.require(!isStranger, "a stranger was let in")
        try exchange(connection, process, desk)
      } catch ConnectionError.authenticationFailed {
        try process.join()
        desk.require(isStranger || desk.wasKilled(process), "the key is right, and was refused")
      } catch ConnectionError.peerClosed {
        // In the midst of the handshake.
        try process.join()
        desk.require(desk.wasKilled(process), "the peer closed with \(process.exitCode ?? 0)")
      }
    }
    do {
      let answer = try desk.answer(of: process)
      desk.require(answer == nil || answer == 4 && !isStranger, "\(answer ?? 0) of a stranger")
    } catch ConnectionError.authenticationFailed where isStranger {
      desk.tally.add("authentication failed", to: .errors)
    }
  }

  private static func descriptors(_ desk: Desk) throws {
    let (connection, other) = try Connection.pair()
    defer { connection.close() }
    let process = Process {
      let descriptor = try other.receiveFileDescriptor()
      guard write(descriptor, "hello", 5) == 5 else { exit(5) }
      try other.send(fileDescriptor: descriptor)
      try other.send(true)
    }
    try process.start()
    other.close()
    guard let file = tmpfile() else { return desk.violation("no temporary file: errno \(errno)") }
    defer { fclose(file) }
    do {
      try connection.send(fileDescriptor: fileno(file))
    } catch ConnectionError.peerClosed {
      return try desk.expectEnd(of: process)
    }
    while true {
      let isGone = !process.isAlive
      do {
        let descriptor = try connection.receiveFileDescriptor(timeout: .milliseconds(isGone ? 0 : 50))
        defer { close(descriptor) }
        desk.require(lseek(descriptor, 0, SEEK_END) == 5, "another file came back")
        break
      } catch is TimeoutError {
        if isGone { break }
      } catch ConnectionError.peerClosed {
        desk.tally.add("peer closed", to: .errors)
        break
      }
    }
    try desk.expectEnd(of: process)
  }

  private static func waitForSeveral(_ desk: Desk) throws {
    var waiting: [any Waitable] = []
    var processes: [Process<Void>] = []
    var connections: [Connection] = []
    for _ in 0..<desk.draw.number(1...4) {
      let (reader, writer) = try Connection.pair(duplex: false)
      let pause = UInt32(desk.draw.size(upTo: 20_000))
      let process = Process {
        usleep(pause)
        try writer.send(1)
      }
      try process.start()
      writer.close()
      processes.append(process)
      connections.append(reader)
      waiting += [reader, process] as [any Waitable]
    }
    defer { for connection in connections { connection.close() } }
    var messages = 0
    while !waiting.isEmpty {
      for object in try waitAny(waiting) {
        waiting.removeAll { $0 as AnyObject === object as AnyObject }
        guard let reader = object as? Connection else { continue }
        do { messages += try reader.receive(Int.self) } catch ConnectionError.peerClosed {}
      }
      // Of a killed one nothing may ever come: another child may have inherited its end.
      if processes.allSatisfy({ !$0.isAlive }) { break }
    }
    // What came with the end was not waited for any more.
    for object in waiting {
      guard let reader = object as? Connection, try reader.poll() else { continue }
      do { messages += try reader.receive(Int.self) } catch ConnectionError.peerClosed {}
    }
    for process in processes { try desk.expectEnd(of: process) }
    let least = processes.count { !desk.wasKilled($0) }
    desk.require(least...processes.count ~= messages, "\(messages) messages of \(processes.count), at least \(least)")
  }
}
