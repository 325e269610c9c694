import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Pools whose workers are killed, crash, take too long or too much.
  static let pools = Lane(
    kind: "pools",
    operations: [
      Operation("map", map), Operation("map with retries", mapWithRetries), Operation("submit", submit),
      Operation("imap", { try imap($0, isOrdered: true) }),
      Operation("imapUnordered", { try imap($0, isOrdered: false) }),
      Operation("crashing items", crashing), Operation("timeouts", timeouts), Operation("cancel", cancel),
      Operation("terminate", terminate), Operation("let go", letGo), Operation("initializer that fails", initializer),
      Operation("memory limit", limit),
    ])

  private static func pool(
    _ desk: Desk, tasksPerChild: Int? = nil, memoryLimit: Int? = nil, taskTimeout: Duration? = nil, retries: Int = 0
  ) throws -> Pool {
    try Pool(
      processes: desk.draw.number(1...4), tasksPerChild: tasksPerChild, memoryLimit: memoryLimit,
      taskTimeout: taskTimeout,
      retries: retries)
  }

  private static func end(_ pool: Pool, _ desk: Desk) throws {
    if desk.draw.chance(3) { pool.terminate() } else { pool.close() }
    desk.require(try pool.join(), "join() of a closed pool came back with false")
  }

  /// Kills the pool's workers while `body` runs, sometimes.
  private static func withKills<Result>(_ desk: Desk, _ pool: Pool, _ body: () throws -> Result) rethrows -> Result {
    guard desk.draw.chance(2) else { return try body() }
    return try withKiller(
      desk, everyMicroseconds: desk.draw.one(of: [3000, 30_000]),
      { pool.statistics.workers.compactMap { $0.id.map(Int32.init) } }, body)
  }

  /// Whether an error is of the kind that a kill brings, and somebody was killed.
  private static func isKill(_ error: any Error, _ desk: Desk) -> Bool {
    guard case ProcessError.killed(.kill) = error, !Kills.all.isEmpty else { return false }
    desk.tally.add("killed", to: .errors)
    return true
  }

  private static func check<Out: Equatable>(
    _ results: [Result<Out, any Error>], _ desk: Desk, _ expected: (Int) -> Out
  ) {
    for (index, result) in results.enumerated() {
      switch result {
      case .success(let value): desk.require(value == expected(index), "\(value) for input \(index)")
      case .failure(let error): desk.require(isKill(error, desk), "input \(index): \(error)")
      }
    }
  }

  private static func map(_ desk: Desk) throws {
    let count = desk.draw.size(upTo: 3000)
    let runs = try SharedArray(count: count, repeating: UInt8(0))
    let pool = try pool(desk, tasksPerChild: desk.draw.chance(3) ? desk.draw.number(1...50) : nil)
    let length = desk.draw.chance(4) ? 20_000 : 10
    let work = try pool.register { (number: Int) -> String in
      runs[number] += 1
      return String(repeating: "x", count: number % length)
    }
    let chunk = desk.draw.one(of: [nil, 1, 7, 100])
    let results = try withKills(desk, pool) { try pool.mapResults(0..<count, chunkSize: chunk, work) }
    desk.require(results.count == count, "\(results.count) results of \(count) inputs")
    check(results, desk) { String(repeating: "x", count: $0 % length) }
    for (index, result) in results.enumerated() {
      let isValue = (try? result.get()) != nil
      desk.require(isValue ? runs[index] == 1 : runs[index] <= 1, "input \(index) was run \(runs[index]) times")
    }
    try end(pool, desk)
  }

  private static func mapWithRetries(_ desk: Desk) throws {
    let count = desk.draw.size(upTo: 1000)
    let pool = try pool(desk, retries: 1_000_000)
    let results = try withKills(desk, pool) {
      try pool.map(0..<count) { number in
        if number % 100 == 0 { usleep(300) }
        return number + 1
      }
    }
    desk.require(results == Array(1..<count + 1), "other results")
    try end(pool, desk)
  }

  private static func submit(_ desk: Desk) throws {
    let pool = try pool(desk)
    let futures = try withKills(desk, pool) {
      let futures = try (0..<desk.draw.size(upTo: 60)).map { number in
        number % 7 == 0
          ? try pool.submit({
            try await Task.sleep(for: .microseconds(100))
            return number * 3
          }) : try pool.submit({ (number: Int) in number * 3 }, args: (number))
      }
      if desk.draw.chance(2) {
        let (done, pending) = try waitForFutures(futures, until: .allCompleted)
        desk.require(done.count == futures.count && pending.isEmpty, "\(pending.count) pending after all completed")
      } else {
        let seen = Set(try asCompleted(futures))
        desk.require(seen.count == futures.count, "\(seen.count) of \(futures.count) completed futures")
      }
      return futures
    }
    check(futures.map { future in Result { try future.result() } }, desk) { $0 * 3 }
    try end(pool, desk)
  }

  private static func imap(_ desk: Desk, isOrdered: Bool) throws {
    let count = desk.draw.size(upTo: 1000)
    // Endless, and left in the midst; or gone through to the end.
    let isEndless = desk.draw.chance(2)
    let pool = try pool(desk)
    try withKills(desk, pool) {
      let inputs = isEndless ? 0..<Int.max : 0..<count
      let chunk = desk.draw.number(1...8)
      let results =
        isOrdered
        ? try pool.imap(inputs, chunkSize: chunk) { $0 + 1 }
        : try pool.imapUnordered(inputs, chunkSize: chunk) { $0 + 1 }
      var seen = Set<Int>()
      var answers = 0
      for result in results.prefix(count) {
        answers += 1
        switch result {
        case .success(let value):
          desk.require(seen.insert(value).inserted, "\(value) came twice")
          desk.require(!isOrdered || value == answers, "\(value) is result \(answers)")
          desk.require(isEndless || 1...count ~= value, "\(value) of \(count) inputs")
        case .failure(let error): desk.require(isKill(error, desk), "\(error)")
        }
      }
      desk.require(answers == count, "\(answers) answers of \(count) inputs")
      if !isEndless { desk.require(results.next() == nil, "an answer too many") }
    }
    try end(pool, desk)
  }

  private static func crashing(_ desk: Desk) throws {
    let pool = try pool(desk)
    let results = try withKills(desk, pool) {
      try pool.mapResults(0..<desk.draw.number(10...60), chunkSize: desk.draw.number(1...8)) { number -> Int in
        switch number % 10 {
        case 3:
          Quiet.down()
          let numbers = [1, 2]
          return numbers[number]
        case 5: exit(7)
        case 8: throw Mishap(number: number)
        default: return number
        }
      }
    }
    for (number, result) in results.enumerated() {
      switch (number % 10, result) {
      case (3, .failure(ProcessError.crashed)), (5, .failure(ProcessError.exited(7))):
        desk.tally.add("in a worker", to: .crashes)
      case (8, .failure(let error)) where error as? Mishap == Mishap(number: number):
        desk.tally.add("thrown", to: .errors)
      case (_, .success(let value)) where value == number && ![3, 5, 8].contains(number % 10): break
      case (_, .failure(let error)) where isKill(error, desk): break
      default: desk.violation("\(result) for \(number)")
      }
    }
    try end(pool, desk)
  }

  private static func timeouts(_ desk: Desk) throws {
    let pool = try pool(desk, taskTimeout: .milliseconds(desk.draw.number(20...200)))
    let results = try withKills(desk, pool) {
      try pool.mapResults(0..<desk.draw.number(4...12), chunkSize: 2) { number -> Int in
        if number % 4 == 1 { sleep(3600) }
        return number
      }
    }
    for (number, result) in results.enumerated() {
      switch result {
      case .success(let value): desk.require(value == number && number % 4 != 1, "\(value) for \(number)")
      // On a busy machine any of them may take too long.
      case .failure(is TimeoutError): desk.tally.add("out of time", to: .errors)
      case .failure(let error): desk.require(isKill(error, desk), "\(error) for \(number)")
      }
    }
    try end(pool, desk)
  }

  private static func cancel(_ desk: Desk) throws {
    let pool = try pool(desk)
    let futures = try (0..<desk.draw.number(2...20)).map { number in
      try pool.submit(
        { (number: Int) in
          if number % 2 == 0 { usleep(2000) }
          return number
        }, args: (number))
    }
    for future in futures where desk.draw.chance(2) {
      desk.dawdle(upTo: 500)
      future.cancel()
    }
    for (number, future) in futures.enumerated() {
      do {
        desk.require(try future.result() == number && !future.isCancelled, "another result for \(number)")
      } catch is CancellationError {
        desk.require(future.isCancelled, "a CancellationError of a future that is not cancelled")
        desk.tally.add("cancelled", to: .errors)
      } catch {
        desk.require(isKill(error, desk), "\(error) for \(number)")
      }
    }
    try end(pool, desk)
  }

  private static func terminate(_ desk: Desk) throws {
    let pool = try pool(desk)
    let futures = try (0..<desk.draw.number(1...30)).map { number in
      try pool.submit(
        { (number: Int) in
          if number % 5 == 4 { sleep(3600) }
          return number
        }, args: (number))
    }
    desk.dawdle(upTo: 20_000)
    pool.terminate()
    for (number, future) in futures.enumerated() {
      do {
        desk.require(try future.result() == number, "another result for \(number)")
      } catch is CancellationError {
        desk.tally.add("cancelled", to: .errors)
      } catch {
        desk.require(isKill(error, desk), "\(error) for \(number)")
      }
    }
    desk.require(try pool.join(), "join() of a terminated pool came back with false")
    do {
      try pool.submit { 1 }
      desk.violation("a terminated pool took a task")
    } catch PoolError.closed {}
  }

  /// A pool that nobody holds any more ends by itself.
  private static func letGo(_ desk: Desk) throws {
    let pool = try pool(desk)
    let future = try pool.submit { 5 }
    if desk.draw.chance(2) {
      do { desk.require(try future.result() == 5, "another result") } catch {
        desk.require(isKill(error, desk), "\(error)")
      }
    }
  }

  private static func initializer(_ desk: Desk) throws {
    let isCrash = desk.draw.chance(2)
    let pool = try Pool(
      processes: 2,
      initializer: {
        Quiet.down()
        if isCrash { Glibc.abort() }
        throw Mishap(number: 1)
      })
    do {
      desk.violation("\(try pool.submit { 1 }.result()) of a pool whose initializer fails")
    } catch PoolError.initializerFailed {
      desk.tally.add("initializer failed", to: .errors)
    }
    pool.close()
    desk.require(try pool.join(), "join() of a pool whose initializer fails came back with false")
  }

  private static func limit(_ desk: Desk) throws {
    let pool = try pool(desk, memoryLimit: 48 << 20)
    let results = try pool.mapResults(0..<4, chunkSize: 2) { number -> Int in
      if number == 1 {
        Quiet.down()
        var blocks: [[UInt8]] = []
        while true { blocks.append([UInt8](repeating: 1, count: 1 << 20)) }
      }
      return number
    }
    for (number, result) in results.enumerated() {
      switch result {
      case .success(let value): desk.require(value == number && number != 1, "\(value) for \(number)")
      case .failure(ProcessError.limitExceeded) where number == 1: desk.tally.add("limit exceeded", to: .errors)
      case .failure(let error): desk.require(isKill(error, desk), "\(error) for \(number)")
      }
    }
    try end(pool, desk)
  }
}
