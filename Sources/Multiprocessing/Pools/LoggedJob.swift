internal import Glibc
internal import MultiprocessingEngine

/// What a worker tells of a task that is logged.
struct LoggedJob<Output: Codable>: Codable {
  enum Outcome: Codable {
    case value(Output)
    /// As `ThrownError` encodes it.
    case error([UInt8])
  }

  let worker: Int32
  /// Nanoseconds since 1970.
  let start: UInt64
  let duration: UInt64
  let outcome: Outcome

  /// Runs `body`, in a worker.
  init(_ body: () throws -> Output) {
    let (start, begin) = (Self.wallClock(), monotonicNanoseconds())
    let outcome: Outcome
    do {
      outcome = .value(try body())
    } catch {
      outcome = .error(ThrownError.encode(error, told: RemoteError(error)))
    }
    self.init(start, begin, outcome)
  }

  init(_ body: () async throws -> Output) async {
    let (start, begin) = (Self.wallClock(), monotonicNanoseconds())
    let outcome: Outcome
    do {
      outcome = .value(try await body())
    } catch {
      outcome = .error(ThrownError.encode(error, told: RemoteError(error)))
    }
    self.init(start, begin, outcome)
  }

  private init(_ start: UInt64, _ begin: UInt64, _ outcome: Outcome) {
    (worker, self.start, self.outcome) = (getpid(), start, outcome)
    duration = monotonicNanoseconds() - begin
  }

  static func wallClock() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  var result: Result<Output, any Error> {
    switch outcome {
    case .value(let value): .success(value)
    case .error(let bytes): .failure(bytes.withUnsafeBytes { ThrownError.decode($0) })
    }
  }
}

/// What a run counts by itself.
final class JobCounts: @unchecked Sendable {
  // Sendable: read and written on the thread, or in the task, that pulls the inputs and is told of the progress.

  /// Inputs that an earlier run has done.
  var passedOver = 0
  var failures = 0
}

/// The inputs of a map that is logged: those that an earlier run has done are passed over.
final class LoggedInputs<Inputs: Sequence, Output: Codable> where Inputs.Element: Codable {
  private var iterator: Inputs.Iterator
  private let log: JobLog
  private var position = 0
  /// Of the inputs that are run, in their order.
  private var keys: [JobKey] = []
  /// What the log has of the others, by their places.
  private var earlier: [Int: Output] = [:]

  init(_ inputs: Inputs, _ log: JobLog) { (iterator, self.log) = (inputs.makeIterator(), log) }

  let counts = JobCounts()

  func next() -> Inputs.Element? {
    while let input = iterator.next() {
      defer { position += 1 }
      // What cannot be encoded fails when it is sent; a shared object goes to a worker, but is not known by bytes. Neither is looked up.
      let bytes = try? Wire.encode(input)
      let key = (bytes ?? []).withUnsafeBytes { JobKey(position: position, input: $0) }
      // A result that is none of this type is another function's: the input is run.
      if bytes != nil, let known = log.result(of: key), let value = try? Wire.decode(Output.self, from: known) {
        earlier[position] = value
        counts.passedOver += 1
        continue
      }
      keys.append(key)
      return input
    }
    return nil
  }

  /// Writes the line of the item of that index.
  func note(_ index: Int, _ result: Result<LoggedJob<Output>, any Error>) throws {
    if case .success(let job) = result, case .value = job.outcome {} else { counts.failures += 1 }
    try log.add(entry(keys[index], result))
  }

  private func entry(_ key: JobKey, _ result: Result<LoggedJob<Output>, any Error>) -> JobLogEntry {
    switch result {
    case .success(let job):
      var (outcome, bytes) = (JobLogEntry.Outcome.succeeded, [UInt8]?.none)
      switch job.result {
      case .success(let value): bytes = try? Wire.encode(value)
      case .failure(let error): outcome = .failed("\(error)")
      }
      return JobLogEntry(
        key: key, worker: Int(job.worker), start: .nanoseconds(Int64(clamping: job.start)),
        duration: .nanoseconds(Int64(clamping: job.duration)), outcome: outcome, result: bytes)
    case .failure(let error):
      // The worker told nothing: it has died, or the item has never reached one.
      var worker = 0
      if case ProcessError.crashed(let report) = error { worker = Int(report.pid) }
      let now = LoggedJob<Output>.wallClock()
      return JobLogEntry(
        key: key, worker: worker, start: .nanoseconds(Int64(clamping: now)), duration: .zero,
        outcome: .failed("\(error)"))
    }
  }

  /// All results, in the order of the inputs.
  func results(_ run: [Result<LoggedJob<Output>, any Error>]) -> [Result<Output, any Error>] {
    var results: [Result<Output, any Error>] = []
    results.reserveCapacity(run.count + earlier.count)
    for result in zip(keys, run) {
      addEarlier(upTo: result.0.position, to: &results)
      results.append(result.1.flatMap(\.result))
    }
    addEarlier(upTo: .max, to: &results)
    return results
  }

  private func addEarlier(upTo position: Int, to results: inout [Result<Output, any Error>]) {
    while results.count < position, let value = earlier[results.count] { results.append(.success(value)) }
  }
}
