import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Starts and ends of every form.
  static let starts = Lane(
    kind: "starts",
    operations: [
      Operation("closure with arguments", arguments), Operation("subclass", subclass),
      Operation("keyword arguments", keywords), Operation("many side by side", sideBySide),
      Operation("thrown errors", thrownErrors), Operation("exit codes", exitCodes),
      Operation("large values", largeValues), Operation("async child", asyncChild),
      Operation("child of a child", grandchild), Operation("waitAny", waitForAny),
      Operation("run with a timeout", runWithTimeout), Operation("signals", signals),
    ])

  struct Mishap: Error, Codable, Equatable {
    var number: Int
  }

  private struct PlainMishap: Error {}

  private static func arguments(_ desk: Desk) throws {
    let number = desk.draw.number(0...1 << 40)
    let process = Process(target: { (number: Int, text: String) in "\(number + 1)\(text)" }, args: (number, "식"))
    let answer = try desk.answer(of: process)
    desk.require(answer == nil || answer == "\(number + 1)식", "\(answer ?? "") for \(number)")
  }

  private final class Doubler: ProcessBase {
    let number: Int
    let sum: SharedAtomic<Int>
    init(_ number: Int, _ sum: SharedAtomic<Int>) {
      self.number = number
      self.sum = sum
      super.init()
    }
    override func run() { sum.add(number * 2) }
  }

  private static func subclass(_ desk: Desk) throws {
    let number = desk.draw.number(1...1000)
    let sum = try SharedAtomic(0)
    let process = Doubler(number, sum)
    try process.start()
    try desk.expectEnd(of: process)
    let allowed = desk.wasKilled(process) ? [0, number * 2] : [number * 2]
    desk.require(allowed.contains(sum.load()), "the sum is \(sum.load())")
    if desk.draw.chance(2) { try process.close() }
  }

  private struct Keywords: Decodable {
    var first: String
    var second: Int
  }

  private static func keywords(_ desk: Desk) throws {
    let process = Process(
      target: { (words: Keywords) in "\(words.first) \(words.second)" }, kwargs: ["second": 2, "first": "one"])
    let answer = try desk.answer(of: process)
    desk.require(answer == nil || answer == "one 2", "\(answer ?? "")")
  }

  private static func sideBySide(_ desk: Desk) throws {
    let processes = (0..<desk.draw.number(2...10)).map { number in
      let pause = UInt32(desk.draw.size(upTo: 20_000))
      return Process {
        usleep(pause)
        return number * number
      }
    }
    for process in processes { try process.start() }
    if desk.draw.chance(2) { desk.kill(desk.draw.one(of: processes)) }
    let isRunning = activeChildren().map(\.pid)
    desk.require(!isRunning.contains(getpid()), "the program is its own child")
    for (number, process) in processes.enumerated().shuffled(using: &desk.draw) {
      if desk.draw.chance(4) { _ = try process.join(timeout: .milliseconds(1)) }
      let answer = try desk.answer(of: process)
      desk.require(answer == nil || answer == number * number, "\(answer ?? 0) for \(number)")
      desk.require(!process.isAlive, "a process with a result is alive")
    }
  }

  private static func thrownErrors(_ desk: Desk) throws {
    let number = desk.draw.number(0...1000)
    let isPlain = desk.draw.chance(3)
    let process = Process<Int>(quiet: { if isPlain { throw PlainMishap() } else { throw Mishap(number: number) } })
    do {
      desk.require(try desk.answer(of: process) == nil, "a value came of an error")
    } catch let mishap as Mishap {
      desk.require(!isPlain && mishap.number == number, "\(mishap) for \(number)")
      desk.tally.add("thrown", to: .errors)
    } catch ProcessError.thrown(let error) {
      desk.require(isPlain && error.description.contains("PlainMishap"), "\(error)")
      desk.tally.add("thrown", to: .errors)
    }
  }

  private static func exitCodes(_ desk: Desk) throws {
    let code = Int32(desk.draw.number(0...255))
    let process = Process<Int> { exit(code) }
    do {
      desk.require(try desk.answer(of: process) == nil, "a value came of exit()")
    } catch ProcessError.exited(let seen) {
      desk.require(seen == code && process.exitCode == code, "exited with \(seen), and not \(code)")
      desk.tally.add("exited", to: .errors)
    }
  }

  private static func largeValues(_ desk: Desk) throws {
    let bytes = [UInt8](repeating: UInt8(desk.draw.number(0...255)), count: desk.draw.size(upTo: 4 << 20))
    let process = Process(target: { (bytes: [UInt8]) in bytes + bytes.prefix(1) }, args: (bytes))
    let answer = try desk.answer(of: process)
    desk.require(
      answer == nil || answer == bytes + bytes.prefix(1), "\(answer?.count ?? 0) other bytes for \(bytes.count)")
  }

  private static func asyncChild(_ desk: Desk) throws {
    let count = desk.draw.number(1...20)
    let process = Process {
      try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 1...count {
          group.addTask {
            try await Task.sleep(for: .microseconds(number * 50))
            return number
          }
        }
        return try await group.reduce(0, +)
      }
    }
    let answer = try desk.answer(of: process)
    desk.require(answer == nil || answer == count * (count + 1) / 2, "\(answer ?? 0) for \(count)")
  }

  private static func grandchild(_ desk: Desk) throws {
    let pause = desk.draw.size(upTo: 30_000)
    let process = Process {
      let inner = Process {
        usleep(UInt32(pause))
        return parentProcess() != nil ? 7 : 0
      }
      try inner.start()
      return try inner.result()
    }
    try process.start()
    if desk.draw.chance(3) {
      desk.dawdle(upTo: 20_000)
      desk.kill(process)
    }
    let answer = try desk.answer(of: process)
    desk.require(answer == nil || answer == 7, "\(answer ?? 0)")
  }

  private static func waitForAny(_ desk: Desk) throws {
    let processes = (0..<desk.draw.number(2...5)).map { _ in
      let pause = UInt32(desk.draw.size(upTo: 50_000))
      return Process { usleep(pause) }
    }
    for process in processes { try process.start() }
    var rest = processes
    while !rest.isEmpty {
      let ended = try waitAny(rest)
      desk.require(!ended.isEmpty, "waitAny without a timeout came back with nothing")
      rest.removeAll { process in ended.contains { $0 as AnyObject === process } }
    }
    for process in processes { try desk.expectEnd(of: process) }
  }

  private static func runWithTimeout(_ desk: Desk) throws {
    let isLong = desk.draw.chance(2)
    do {
      let answer = try Process.run(timeout: isLong ? .milliseconds(30) : .seconds(600)) { () -> Int in
        if isLong { sleep(3600) }
        return 3
      }
      desk.require(!isLong && answer == 3, "\(answer) of a run that takes an hour")
    } catch is TimeoutError {
      desk.require(isLong, "out of time at once")
      desk.tally.add("out of time", to: .errors)
    } catch ProcessError.killed(.kill) where !Kills.all.isEmpty {
      desk.tally.add("killed", to: .errors)
    }
  }

  private static func signals(_ desk: Desk) throws {
    let signal = desk.draw.one(of: [Signal.kill, .terminate, .interrupt])
    let process = Process<Int> {
      while true { sleep(3600) }
    }
    try process.start()
    desk.dawdle(upTo: 10_000)
    desk.kill(process, signal)
    desk.require(try desk.answer(of: process) == nil, "a value came of a process that never ends")
  }
}

extension Process where Output: Codable {
  /// A child that writes nothing to standard error: what it throws is expected.
  convenience init(quiet body: @escaping @Sendable () throws -> Output) {
    self.init(target: {
      Quiet.down()
      return try body()
    })
  }
}

enum Quiet {
  /// Lets a child write to nowhere.
  static func down() {
    let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
    if null >= 0 {
      dup2(null, STDERR_FILENO)
      close(null)
    }
  }
}
