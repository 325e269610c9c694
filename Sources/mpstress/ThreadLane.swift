import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Threads of this process, while others of it fork.
  static let threads = Lane(
    kind: "threads",
    operations: [
      Operation("threads", several), Operation("timers", timers), Operation("pool of threads", pool),
      Operation("variables", variables), Operation("threads of a child", inChild),
    ])

  private static func several(_ desk: Desk) throws {
    let lock = try Lock()
    let sum = Count()
    // Each thread that throws says so on standard error.
    let throwing = desk.draw.chance(50) ? 0 : -1
    let threads = (0..<desk.draw.number(1...8)).map { number in
      Multiprocessing.Thread(
        target: { (number: Int) -> Int in
          for _ in 0..<50 { try lock.withLock { sum.add() } }
          if number == throwing { throw Mishap(number: number) }
          return number * 2
        }, args: (number))
    }
    for thread in threads { try thread.start() }
    for (number, thread) in threads.enumerated() {
      do { desk.require(try thread.result() == number * 2, "another result of thread \(number)") } catch let mishap
        as Mishap
      {
        desk.require(number == throwing && mishap.number == number, "\(mishap) of thread \(number)")
        desk.tally.add("thrown", to: .errors)
      }
    }
    desk.require(sum.value == threads.count * 50, "the sum is \(sum.value)")
  }

  private static func timers(_ desk: Desk) throws {
    let calls = Count()
    let timers = (0..<desk.draw.number(1...4)).map { _ in
      Multiprocessing.Timer(interval: .microseconds(desk.draw.size(upTo: 20_000))) { calls.add() }
    }
    for timer in timers { try timer.start() }
    let cancels = desk.draw.chance(2)
    if cancels { timers[0].cancel() }
    for timer in timers { desk.require(try timer.join(), "join() of a timer came back with false") }
    desk.require(
      timers.count - (cancels ? 1 : 0)...timers.count ~= calls.value, "\(calls.value) calls of \(timers.count) timers")
  }

  private static func pool(_ desk: Desk) throws {
    let pool = try ThreadPool(threads: desk.draw.number(1...4))
    let count = desk.draw.size(upTo: 2000)
    desk.require(try pool.map(0..<count) { $0 * 3 } == (0..<count).map { $0 * 3 }, "other results")
    let futures = try (0..<desk.draw.number(1...20)).map { number in
      try pool.submit { () -> Int in
        if number % 5 == 4 { throw Mishap(number: number) }
        return number
      }
    }
    for (number, future) in futures.enumerated() {
      do { desk.require(try future.result() == number, "another result for \(number)") } catch let mishap as Mishap {
        desk.require(number % 5 == 4 && mishap.number == number, "\(mishap) for \(number)")
        desk.tally.add("thrown", to: .errors)
      }
    }
    if desk.draw.chance(2) { pool.terminate() } else { pool.close() }
    desk.require(try pool.join(), "join() of a closed pool of threads came back with false")
  }

  private static func variables(_ desk: Desk) throws {
    let variable = ThreadLocal([1])
    variable.value.append(2)
    let thread = Multiprocessing.Thread { variable.value }
    try thread.start()
    desk.require(try thread.result() == [1] && variable.value == [1, 2], "another thread's variable")
  }

  private static func inChild(_ desk: Desk) throws {
    let count = desk.draw.number(1...6)
    let process = Process {
      let threads = (0..<count).map { number in Multiprocessing.Thread { number } }
      for thread in threads { try thread.start() }
      let sum = try threads.map { try $0.result() }.reduce(0, +)
      let pool = try ThreadPool(threads: 2)
      return sum + (try pool.map(0..<10) { $0 }.reduce(0, +))
    }
    let answer = try desk.answer(of: process)
    desk.require(answer == nil || answer == count * (count - 1) / 2 + 45, "\(answer ?? 0) of \(count) threads")
  }
}
