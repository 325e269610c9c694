import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// What pools do besides: callbacks, logs of jobs, large items, async items, several callers at once.
  static let jobs = Lane(
    kind: "jobs",
    operations: [
      Operation("callbacks", callbacks), Operation("job log", jobLog), Operation("large items", largeItems),
      Operation("async items", asyncItems), Operation("several callers", severalCallers),
      Operation("many arguments", starmap), Operation("recycled workers", recycled),
    ])

  /// A pool whose workers may be killed while `body` runs, and that has ended then.
  private static func withPool<Result>(
    _ desk: Desk, retries: Int = 0, recycleAbove: Int? = nil, _ body: (Pool) throws -> Result
  ) throws -> Result {
    let pool = try Pool(processes: desk.draw.number(1...4), retries: retries, recycleAbove: recycleAbove)
    let result =
      desk.draw.chance(2)
      ? try withKiller(
        desk, everyMicroseconds: desk.draw.one(of: [3000, 30_000]),
        { pool.statistics.workers.compactMap { $0.id.map(Int32.init) } }, { try body(pool) })
      : try body(pool)
    pool.close()
    desk.require(try pool.join(), "join() of a closed pool came back with false")
    return result
  }

  private static func isKill(_ error: any Error, _ desk: Desk) -> Bool {
    guard case ProcessError.killed(.kill) = error, !Kills.all.isEmpty else { return false }
    desk.tally.add("killed", to: .errors)
    return true
  }

  private static func check<Out: Equatable>(
    _ results: [Result<Out, any Error>], count: Int, _ desk: Desk, _ expected: (Int) -> Out
  ) {
    desk.require(results.count == count, "\(results.count) results of \(count) inputs")
    for (index, result) in results.enumerated() {
      switch result {
      case .success(let value): desk.require(value == expected(index), "another value for input \(index)")
      case .failure(let error): desk.require(isKill(error, desk), "input \(index): \(error)")
      }
    }
  }

  private static func callbacks(_ desk: Desk) throws {
    let count = desk.draw.size(upTo: 100)
    let (calls, values) = (Count(), Count())
    try withPool(desk) { pool in
      for number in 0..<count {
        let future = try pool.submit({ (number: Int) in number + 1 }, args: (number))
        future.onCompletion { result in
          // A callback may use the pool.
          if number % 10 == 0, let again = try? pool.submit({ 1 }) { _ = try? again.result() }
          if (try? result.get()) == number + 1 { values.add() }
          calls.add()
        }
      }
      while calls.value < count { usleep(1000) }
    }
    desk.require(calls.value == count, "\(calls.value) callbacks of \(count) futures")
    desk.require(values.value == count || !Kills.all.isEmpty, "\(values.value) values of \(count) futures")
  }

  /// What a log tells is not run again, and each input comes to its end.
  private static func jobLog(_ desk: Desk) throws {
    let count = desk.draw.size(upTo: 300)
    let path = "/tmp/mpstress-\(getpid())-\(desk.step).log"
    defer { unlink(path) }
    let runs = try SharedArray(count: count, repeating: UInt8(0))
    var hasRun = Set<Int>()
    for round in 0... {
      let results = try withPool(desk) { pool in
        try pool.mapResults(0..<count, jobLog: path, resume: round > 0) { (number: Int) in
          runs[number] += 1
          return "\(number)"
        }
      }
      check(results, count: count, desk) { "\($0)" }
      for number in hasRun {
        desk.require(runs[number] == 1, "input \(number) ran again, and the log told that it had succeeded")
      }
      for number in 0..<count where (try? results[number].get()) != nil {
        if hasRun.insert(number).inserted { runs[number] = 1 }
      }
      if hasRun.count == count || round > 20 { break }
    }
  }

  private static func largeItems(_ desk: Desk) throws {
    let (count, most) = (desk.draw.number(1...20), desk.draw.size(upTo: 2 << 20))
    let results = try withPool(desk) { pool in
      try pool.mapResults((0..<count).map { [UInt8](repeating: UInt8($0), count: most / ($0 + 1)) }) { bytes in
        bytes + [1]
      }
    }
    check(results, count: count, desk) { [UInt8](repeating: UInt8($0), count: most / ($0 + 1)) + [1] }
  }

  private static func asyncItems(_ desk: Desk) throws {
    let count = desk.draw.size(upTo: 300)
    let results = try withPool(desk) { pool in
      try pool.mapResults(0..<count) { (number: Int) -> Int in
        async let one = number
        try await Task.sleep(for: .microseconds(number % 50))
        return await one + 1
      }
    }
    check(results, count: count, desk) { $0 + 1 }
  }

  /// Threads of this process that use one pool at once, with new functions all the time.
  private static func severalCallers(_ desk: Desk) throws {
    let failures = Count()
    try withPool(desk) { pool in
      let callers = (0..<3).map { caller in
        BareThread {
          for round in 0..<5 {
            guard let results = try? pool.mapResults(0..<20, { (number: Int) in number * caller + round }) else {
              failures.add()
              continue
            }
            for (number, result) in results.enumerated() {
              switch result {
              case .success(let value): if value != number * caller + round { failures.add() }
              case .failure(ProcessError.killed(.kill)): break
              case .failure: failures.add()
              }
            }
          }
        }
      }
      for caller in callers { caller.join() }
    }
    desk.require(failures.value == 0, "\(failures.value) wrong results")
  }

  private static func starmap(_ desk: Desk) throws {
    let inputs = (0..<desk.draw.size(upTo: 200)).map { ($0, "\($0)") }
    let results = try withPool(desk, retries: 1_000_000) { pool in
      try pool.starmap(inputs) { (number: Int, text: String) in "\(number + 1)\(text)" }
    }
    desk.require(results == inputs.map { "\($0 + 1)\($1)" }, "other results")
  }

  private static func recycled(_ desk: Desk) throws {
    let results = try withPool(desk, recycleAbove: 16 << 20) { pool in
      try pool.mapResults(0..<20, chunkSize: 2) { (number: Int) -> Int in
        if number % 5 == 0 { return [UInt8](repeating: 1, count: 32 << 20).count }
        return number
      }
    }
    check(results, count: 20, desk) { $0 % 5 == 0 ? 32 << 20 : $0 }
  }
}
