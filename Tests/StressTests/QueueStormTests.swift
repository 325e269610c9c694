import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Producers and consumers of one queue, threads and tasks, all of them under a mutex now and then, and random ones killed at
/// random moments and replaced.
///
/// MP_STORM_SECONDS makes it last, MP_STORM_SEED repeats the choices of an earlier one; its moments are the machine's.
final class QueueStormTests: AuditedTestCase {
  private static let seconds = environmentNumber("MP_STORM_SECONDS") ?? 30
  override var patience: Double { Double(Self.seconds) + 300 }

  private static func environmentNumber(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  /// One round's setting.
  private struct Setting: CustomStringConvertible {
    var seed: UInt64
    var capacity: Int?
    var producers: Int
    var consumers: Int
    /// Bytes of an element, at most.
    var length: Int
    /// The longest pause between two kills, in microseconds.
    var pause: UInt32

    init(seed: UInt64) {
      self.seed = seed
      var random = StormRandom(seed: seed)
      capacity = [nil, 1, 2, 16, 1000].randomElement(using: &random)!
      producers = Int.random(in: 1...4, using: &random)
      consumers = Int.random(in: 1...4, using: &random)
      length = [8, 100, 20_000, 300_000, 6 << 20].randomElement(using: &random)!
      pause = [500, 5000, 50_000].randomElement(using: &random)!
    }

    var description: String {
      "MP_STORM_SEED=\(seed), capacity \(capacity.map { "\($0)" } ?? "none"), \(producers) producers, \(consumers) consumers, "
        + "\(length) bytes, a kill every \(pause) microseconds at most"
    }
  }

  private struct Tally {
    var rounds = 0
    var kills = 0
    var elements = 0
    var lost = 0
  }

  func testTheStorm() throws {
    var seed = Self.environmentNumber("MP_STORM_SEED") ?? UInt64.random(in: 0...UInt64.max)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(Int64(Self.seconds))
    var tally = Tally()
    repeat {
      try weather(Setting(seed: seed), &tally)
      seed &+= 1
      tally.rounds += 1
    } while clock.now < end && testRun?.totalFailureCount == 0
    print(
      "storm: \(Self.seconds) seconds, \(tally.rounds) rounds, \(tally.kills) kills, \(tally.elements) elements, "
        + "\(tally.lost) of them taken by the dead")
    XCTAssertGreaterThan(tally.kills, 0)
    XCTAssertGreaterThan(tally.elements, 0)
  }

  private struct Worker {
    let process: Multiprocessing.Process<Void>
    let number: Int
    let produces: Bool
  }

  /// One round of a second.
  private func weather(_ setting: Setting, _ tally: inout Tally) throws {
    var random = StormRandom(seed: ~setting.seed)
    let notes = try StormNotes()
    let queue = try Queue<StormElement>(capacity: setting.capacity)
    var started = 0
    var killed: Set<Int> = []
    var consumersKilled = 0

    func start(produces: Bool) throws -> Worker {
      let number = started
      started += 1
      let seed = random.next()
      let length = setting.length
      // Every other one is async.
      let process =
        seed % 2 == 0
        ? Process {
          if produces {
            try await notes.produceInTasks(queue, as: number, length: length, seed: seed)
          } else {
            try await notes.consumeInTasks(queue, as: number, seed: seed)
          }
        }
        : Process {
          var random = StormRandom(seed: seed)
          if produces {
            try notes.produce(queue, as: number, length: length, &random)
          } else {
            try notes.consume(queue, as: number, &random)
          }
        }
      try process.start()
      return Worker(process: process, number: number, produces: produces)
    }

    var workers = try (0..<setting.producers + setting.consumers).map { try start(produces: $0 < setting.producers) }
    let clock = ContinuousClock()
    let end = clock.now + .seconds(1)
    while clock.now < end, started < StormNotes.mostWorkers {
      usleep(UInt32.random(in: 0...setting.pause, using: &random))
      let place = Int.random(in: 0..<workers.count, using: &random)
      let victim = workers[place]
      try victim.process.kill()
      try victim.process.join()
      killed.insert(victim.number)
      if !victim.produces { consumersKilled += 1 }
      workers[place] = try start(produces: victim.produces)
    }

    notes.stop()
    for producers in [true, false] {
      for worker in workers where worker.produces == producers {
        if try !worker.process.join(timeout: .seconds(60)) {
          XCTFail("\(producers ? "a producer" : "a consumer") hangs, pid \(worker.process.pid ?? 0). \(setting)")
          for worker in workers { try worker.process.kill() }
        }
        if worker.process.exitCode != 0, !killed.contains(worker.number), !worker.process.isAlive {
          XCTFail("a survivor ends with \(worker.process.exitCode as Any). \(setting)")
        }
      }
      queue.close()
    }

    let findings = notes.examine(workers: started, killed: killed)
    XCTAssertEqual(findings.faults, [], "\(setting)")
    XCTAssertLessThanOrEqual(findings.lost, consumersKilled, "\(setting)")
    XCTAssertEqual(queue.count, 0, "\(setting)")
    // What the dead had got and not done, and nothing else, is left to be done.
    var undone = 0
    while (try? queue.taskDone()) != nil { undone += 1 }
    XCTAssertLessThanOrEqual(undone, consumersKilled, "\(setting)")
    XCTAssertTrue(try queue.join(timeout: .seconds(10)), "\(setting)")
    tally.kills += killed.count
    tally.elements += findings.elements
    tally.lost += findings.lost
  }
}
