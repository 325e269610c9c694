import Glibc

/// Gives a program its input and takes in what it writes, whichever can go on, so that neither side waits for the other. What
/// comes stays in the reading ends.
package struct Exchange {
  /// An end holds more than it may.
  package struct LimitExceeded: Error {}

  private let input: WritingEnd?
  private var unwritten: ArraySlice<UInt8>
  private let outputs: [ReadingEnd]
  private let limit: Int

  /// - Parameter limit: bytes that each of the outputs may come to; nil: as many as there is memory for.
  package init(input: WritingEnd?, bytes: [UInt8], outputs: [ReadingEnd], limit: Int?) {
    self.input = input
    var bytes = bytes
    if let farewell = input?.farewell(after: bytes), !farewell.isEmpty { bytes += farewell }
    unwritten = bytes[...]
    self.outputs = outputs
    self.limit = limit ?? .max
    if unwritten.isEmpty { input?.letGo() }
  }

  /// Whether all has been written, or nobody reads it any more, and all has been read.
  package var isComplete: Bool { input?.descriptor == nil && outputs.allSatisfy { $0.descriptor == nil } }

  /// Moves what can be moved without waiting.
  ///
  /// Throws `SystemFailure`, `LimitExceeded`.
  package mutating func advance() throws {
    try write()
    for output in outputs {
      if try output.fill() == .some, output.count > limit { throw LimitExceeded() }
    }
  }

  private mutating func write() throws(SystemFailure) {
    guard let input, !input.isClosed else { return }
    do throws(SystemFailure) {
      guard let count = try input.write(unwritten.prefix(1 << 20)) else { return }
      unwritten = unwritten.dropFirst(count)
      if unwritten.isEmpty { input.letGo() }
    } catch {
      // A program may close its input before its end, or go without having read it.
      guard [EPIPE, EBADF].contains(error.errno) else { throw error }
      input.letGo()
    }
  }

  /// Gives up what is still to be written, and closes all ends.
  package func abandon() {
    input?.letGo()
    for output in outputs { output.close() }
  }

  // MARK: Waiting

  /// Moves everything; false when `deadline` comes first.
  ///
  /// Throws `SystemFailure`, `LimitExceeded`.
  package mutating func run(until deadline: Deadline) throws -> Bool {
    while !isComplete {
      guard try wait(besides: [], until: deadline) else { return false }
      try advance()
    }
    return true
  }

  /// The same without blocking a thread.
  ///
  /// Throws `SystemFailure`, `LimitExceeded`, `CancellationError`.
  package nonisolated(nonsending) mutating func runSuspended(until deadline: Deadline) async throws -> Bool {
    while !isComplete {
      guard try await waitSuspended(besides: [], until: deadline, regardless: false) else { return false }
      try advance()
    }
    return true
  }

  /// Waits until something can be moved or one of `others` is readable; false when `deadline` comes first.
  func wait(besides others: [SharedDescriptor], until deadline: Deadline) throws(SystemFailure) -> Bool {
    guard let watch else { return true }
    return try watch.wait(besides: others, until: deadline)
  }

  nonisolated(nonsending) func waitSuspended(
    besides others: [SharedDescriptor], until deadline: Deadline, regardless: Bool
  ) async throws -> Bool {
    guard let watch else { return true }
    return try await watch.waitSuspended(besides: others, until: deadline, regardless: regardless)
  }

  /// What to wait for; nil when the last end has just been closed, and there is nothing.
  private var watch: StreamWatch? {
    let isComplete = isComplete
    var watch = StreamWatch()
    input?.join(&watch)
    for output in outputs { output.join(&watch) }
    return watch.isEmpty && !isComplete ? nil : watch
  }
}
