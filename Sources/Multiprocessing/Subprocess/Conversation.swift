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

  /// The first of `processes`, which are one at least, reads `input`; the last one's output is taken in, and what all of them complain of to
  /// `error`. Throws the misuse.
  init(
    with processes: [Popen], _ input: [UInt8], error: Popen.InputStream?, _ timeout: Duration?
  ) throws {
    for process in processes { try process.requireOwner() }
    let (first, last) = (processes[0], processes[processes.count - 1])
    try Self.check(input, for: first.standardInput)
    deadline = Deadline(after: timeout)
    programs = processes.map(\.program)
    output = last.standardOutput?.end
    self.error = error?.end
    self.timeout = timeout
    limit = first.options.outputLimit
    exchange = Exchange(
      input: first.standardInput?.end, bytes: input, outputs: [output, self.error].compactMap { $0 }, limit: limit)
    teardown = Teardown(programs, grace: first.options.gracePeriod)
    operation = "the end of \(processes.map { $0.arguments[0] }.joined(separator: " | "))"
  }

  private static func check(_ input: [UInt8], for stream: Popen.OutputStream?) throws(PopenError) {
    if input.isEmpty { return }
    guard let stream else { throw .invalidArgument("input for a program whose stdin is not .pipe") }
    if stream.isClosed { throw .closed }
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
        operation: operation, timeout: timeout ?? .zero, partialOutput: collected.output,
        partialError: collected.error)
    case is Exchange.LimitExceeded: return PopenError.outputLimitExceeded(limit ?? .max)
    case let failure as SystemFailure: return PopenError(failure)
    default: return failure
    }
  }
}
