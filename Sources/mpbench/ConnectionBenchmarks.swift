import Glibc
import Measuring
import Multiprocessing

extension Benchmark {
  /// Messages over a `Connection` between this process and a child.
  static var connections: [Benchmark] {
    [
      pingPong("", nil),
      pingPong("both on cpu 0", (0, 0)),
      pingPong("cpu 0 and cpu 1", (0, 1)),
      Benchmark("bandwidth_connection", "1 MiB messages", unit: .gibibytesPerSecond, count: 1024, round: bandwidth),
    ]
  }

  private static let smallMessage = [UInt8](repeating: 7, count: 64)
  private static let largeMessage = [UInt8](repeating: 7, count: 1 << 20)

  /// The mean time of a round trip of 64 bytes.
  private static func pingPong(_ variant: String, _ processors: (ours: Int, theirs: Int)?) -> Benchmark {
    Benchmark("pingpong_connection", variant, unit: .microseconds, count: 10_000) { count in
      let warmUp = 100
      let theirProcessor = processors?.theirs
      let (ours, theirs) = try Connection.pair()
      let child = Process {
        ours.close()
        if let theirProcessor { try Processors.pin(to: theirProcessor) }
        for _ in 0..<count + warmUp { try theirs.sendBytes(theirs.receiveBytes()) }
      }
      try child.start()
      theirs.close()
      let before = try processors.map { try Processors.pin(to: $0.ours) }
      defer { try? before?.restore() }
      func trip() throws {
        try ours.sendBytes(smallMessage)
        guard try ours.receiveBytes().count == smallMessage.count else {
          throw WrongOutcome("a message of another length")
        }
      }
      for _ in 0..<warmUp { try trip() }
      let time = try ContinuousClock().measure { for _ in 0..<count { try trip() } }
      try child.join()
      guard child.exitCode == 0 else { throw WrongOutcome("the child ended with \(child.exitCode as Any)") }
      return time / .microseconds(1) / Double(count)
    }
  }

  /// From the start of the child that receives to its end, as the anchors measure it.
  private static func bandwidth(_ count: Int) throws -> Double {
    let (reader, writer) = try Connection.pair(duplex: false)
    var received: Int?
    let time = try ContinuousClock().measure {
      let child = Process {
        writer.close()
        return try (0..<count).reduce(0) { sum, _ in sum + (try reader.receiveBytes().count) }
      }
      try child.start()
      reader.close()
      for _ in 0..<count { try writer.sendBytes(largeMessage) }
      received = try child.result()
    }
    guard received == count * largeMessage.count else { throw WrongOutcome("\(received as Any) bytes arrived") }
    return Double(count) / 1024 / (time / .seconds(1))
  }
}

/// Which processors the calling thread may run on.
private struct Processors {
  private var set = cpu_set_t()

  /// Keeps the thread on one processor; what it was allowed before.
  @discardableResult
  static func pin(to processor: Int) throws -> Processors {
    var before = Processors()
    try call("sched_getaffinity", &before.set)
    var one = Processors()
    // The macro CPU_SET of sched_setaffinity(2).
    withUnsafeMutableBytes(of: &one.set) { $0[processor / 8] |= 1 << UInt8(processor % 8) }
    try call("sched_setaffinity", &one.set)
    return before
  }

  func restore() throws {
    var set = set
    try Self.call("sched_setaffinity", &set)
  }

  private static func call(_ name: String, _ set: UnsafeMutablePointer<cpu_set_t>) throws {
    typealias Function = @convention(c) (pid_t, Int, UnsafeMutablePointer<cpu_set_t>) -> Int32
    // The Glibc module leaves out what only GNU has.
    guard let symbol = dlsym(nil, name) else { throw WrongOutcome("\(name) is not to be found") }
    guard unsafeBitCast(symbol, to: Function.self)(0, MemoryLayout<cpu_set_t>.size, set) == 0 else {
      throw WrongOutcome("\(name): errno \(errno)")
    }
  }
}
