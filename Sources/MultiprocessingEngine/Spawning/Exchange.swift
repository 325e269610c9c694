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
  package var isComplete: Bool { writable == nil && readable.isEmpty }

  var writable: SharedDescriptor? { input?.descriptor }
  var readable: [SharedDescriptor] { outputs.compactMap(\.descriptor) }

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
    let readable = readable + others
    let writable = writable
    defer { withExtendedLifetime((readable, writable)) {} }
    return try Syscall.wait(readable: readable.map(\.raw), writable: writable.map { [$0.raw] } ?? [], until: deadline)
  }

  nonisolated(nonsending) func waitSuspended(
    besides others: [SharedDescriptor], until deadline: Deadline, regardless: Bool
  ) async throws -> Bool {
    let readable = readable + others
    let writable = writable
    defer { withExtendedLifetime((readable, writable)) {} }
    let watched = try writable.map { try [WatchSet.descriptor(writable: $0)] } ?? []
    defer { withExtendedLifetime(watched) {} }
    let numbers = (readable + watched).map(\.raw)
    return regardless
      ? try await Reactor.waitReadableRegardless(numbers, until: deadline)
      : try await Reactor.waitReadable(numbers, until: deadline)
  }
}

/// Room to write, as the reactor can wait for it.
package enum WatchSet {
  /// A descriptor that is readable while `writable` can be written to.
  package static func descriptor(writable: SharedDescriptor) throws(SystemFailure) -> SharedDescriptor {
    let set = try Descriptor.listing { () throws(SystemFailure) in try Syscall.readinessSet() }
    try Syscall.watchWritable(writable.raw, in: set.raw)
    return SharedDescriptor(set)
  }
}
