internal import MultiprocessingEngine

/// What `run` and `communicate` do, with one program or with several that hang together: give them their input, take in what they
/// write, wait for their end; and end them when that goes wrong.
struct Conversation {
  private let programs: [Program]
  private let output: ReadingEnd?
  private let error: ReadingEnd?
  private var exchange: Exchange
  private let teardown: Teardown
  private let limit: Int?
  private let timeout: Duration?
  private let deadline: Deadline
  private let operation: String

  /// Time was up.
  private struct OutOfTime: Error {}

  init(
    with programs: [Program], named name: String, input: WritingEnd?, bytes: [UInt8], output: ReadingEnd?,
    error: ReadingEnd?, options: Popen.Options, timeout: Duration?
  ) {
    deadline = Deadline(after: timeout)
    self.programs = programs
    self.output = output
    self.error = error
    self.timeout = timeout
    limit = options.outputLimit
    exchange = Exchange(input: input, bytes: bytes, outputs: [output, error].compactMap { $0 }, limit: limit)
    teardown = Teardown(programs, grace: options.gracePeriod)
    operation = "the end of \(name)"
  }

  mutating func run() throws -> (output: [UInt8], error: [UInt8]) {
    do {
      guard try exchange.run(until: deadline) else { throw OutOfTime() }
      for program in programs {
        guard try program.child.wait(until: deadline) else { throw OutOfTime() }
      }
    } catch {
      if error is Exchange.LimitExceeded { exchange.abandon() }
      // Should that fail as well, the first error tells more.
      try? teardown.run(&exchange)
      throw translation(of: error)
    }
    return collected
  }

  nonisolated(nonsending) mutating func runSuspended() async throws -> (output: [UInt8], error: [UInt8]) {
    do {
      guard try await exchange.runSuspended(until: deadline) else { throw OutOfTime() }
      for program in programs {
        guard try await program.child.waitSuspended(until: deadline) else { throw OutOfTime() }
      }
    } catch {
      if error is Exchange.LimitExceeded { exchange.abandon() }
      try? await teardown.runSuspended(&exchange)
      throw translation(of: error)
    }
    return collected
  }

  private var collected: (output: [UInt8], error: [UInt8]) { (output?.take() ?? [], error?.take() ?? []) }

  private func translation(of failure: any Error) -> any Error {
    let collected = collected
    // A descendant that has left the group may hold the other side: nothing of it stays here.
    exchange.abandon()
    switch failure {
    case is OutOfTime:
      return TimeoutError(
        operation: operation, timeout: max(timeout ?? .zero, .zero), partialOutput: collected.output,
        partialError: collected.error)
    case is Exchange.LimitExceeded: return PopenError.outputLimitExceeded(limit ?? .max)
    case let failure as SystemFailure: return PopenError(failure)
    default: return failure
    }
  }
}
