import Endurance
import Glibc
import Multiprocessing

/// The whole run: rounds of all lanes together, and an audit after each.
final class Course {
  /// What is there after so many rounds is what later ones are compared with.
  static let warmingRounds = 2

  private let options: StressOptions
  private let seed: UInt64
  private let lanes: [Lane]
  private let desks: [Desk]
  /// Those that run between the rounds of the others, one after another.
  private let alone: [(lane: Lane, desk: Desk)]
  /// The course's own.
  private let desk: Desk
  private let findings = Findings()
  private let rounds = Rounds()
  private let mark: Mark
  private let start = Moment.now
  private var lastLine = Moment.now
  private var largest = Holdings()
  private var latest = Holdings()

  init(_ options: StressOptions, seed: UInt64) {
    self.options = options
    self.seed = seed
    mark = Mark()
    // Starts the guardian of names while nobody kills what starts it.
    if let memory = try? SharedMemory.create(size: 1) { try? memory.unlink() }
    let wanted = Lane.all.filter { options.kinds.isEmpty || options.kinds.contains($0.kind) || $0.isFault }
    lanes = wanted.filter { !$0.isAlone }
    desks = lanes.map { [findings] in Desk(kind: $0.kind, seed: seed, findings: findings) }
    alone = wanted.filter(\.isAlone).map { [findings] in ($0, Desk(kind: $0.kind, seed: seed, findings: findings)) }
    desk = Desk(kind: "course", seed: seed, findings: findings)
    _ = Watch(over: desks + alone.map(\.desk) + [desk], patience: options.patience, seed: seed)
  }

  /// Whether nothing was violated.
  func run() -> Bool {
    let threads = zip(lanes, desks).map { [rounds] lane, desk in
      BareThread {
        var round = 0
        while let next = rounds.next(after: round) {
          round = next
          lane.run(round: round, desk) { rounds.isTimeOver }
          rounds.leave()
        }
      }
    }
    // Only after the lanes' threads were made, which else would refuse it as well.
    Interruption.refuse()
    let before = Holdings.now(marked: mark)
    let seconds = options.minutes * 60
    let length = min(15, max(1, seconds / 10))
    var audit: Audit?
    var round = 0
    repeat {
      round += 1
      desk.step = round
      desk.pause()
      rounds.run(lanes: lanes.count, seconds: length) { tellNowAndThen() }
      for (lane, desk) in alone {
        let end = Moment.now + length / 6
        lane.run(round: round, desk) { Moment.now >= end }
      }
      desk.announce("the audit after round \(round)")
      let now = settle(audit)
      latest = now
      if round == Self.warmingRounds { audit = Audit(since: now) }
      Kills.all.forget()
    } while round <= Self.warmingRounds || Moment.now - start < seconds && findings.all.count < 1000
    desk.announce("the end")
    rounds.end()
    for thread in threads { thread.join() }
    for violation in Audit.memoryViolations(from: before, to: settle(nil)) { desk.violation(violation) }
    print(report(audit!.before))
    return findings.all.isEmpty
  }

  /// What is there when all has gone that was on its way out.
  private func settle(_ audit: Audit?) -> Holdings {
    let end = Moment.now + 30
    while true {
      // Reaps a child that nobody waits for any more.
      _ = activeChildren()
      let now = Holdings.now(marked: mark)
      largest = largest.maximum(with: now)
      let violations = audit?.violations(in: now) ?? Audit.leftovers(in: now)
      if violations.isEmpty { return now }
      if Moment.now > end {
        for violation in violations { desk.violation(violation) }
        return now
      }
      usleep(20_000)
    }
  }

  // MARK: Telling

  private func tellNowAndThen() {
    guard Moment.now - lastLine >= 30 else { return }
    lastLine = Moment.now
    let states = desks.compactMap(\.state)
    let longest = states.max { $0.seconds < $1.seconds }.map { ", longest step: \($0.what)" } ?? ""
    let memory = "\(latest.heap) KiB of heap, \(latest.resident) KiB resident"
    Console.write(
      "\(Int(lastLine - start)) s, round \(desk.step), \(findings.all.count) violations, \(memory)\(longest)\n")
  }

  private func report(_ before: Holdings) -> String {
    var tally = Tally()
    for desk in desks + alone.map(\.desk) { tally.add(desk.tally) }
    let now = Holdings.now(marked: mark)
    let violations = findings.all
    return """
      \(tally.table)
      descriptors: \(before.descriptorCount) after warming up, \(now.descriptorCount) at the end, \(largest.descriptorCount) at most
      threads: \(before.threads) after warming up, \(now.threads) at the end, \(largest.threads) at most
      heap: \(before.heap) KiB after warming up, \(now.heap) KiB at the end, \(largest.heap) KiB at most
      resident: \(before.resident) KiB after warming up, \(now.resident) KiB at the end, \(largest.resident) KiB at most
      rounds: \(desk.step), in \(Int(Moment.now - start)) s, seed \(seed)
      \(violations.count) violations\(violations.map { "\n  \($0)" }.joined())
      """
  }
}

extension Holdings {
  fileprivate func maximum(with other: Holdings) -> Holdings {
    var largest = self
    if other.descriptorCount > descriptorCount { largest.descriptors = other.descriptors }
    largest.threads = max(threads, other.threads)
    largest.heap = max(heap, other.heap)
    largest.resident = max(resident, other.resident)
    return largest
  }
}
