/// What a wait for streams waits for: bytes or their end, room, and that one is closed here. Holds the descriptors meanwhile.
package struct StreamWatch {
  private(set) var readable: [SharedDescriptor] = []
  private(set) var writable: SharedDescriptor?
  private var bells: [SharedDescriptor] = []
  /// The system had no descriptor for a bell.
  private var lacksBell = false

  package init() {}

  /// Whether all that was to be waited for is closed.
  package var isEmpty: Bool { readable.isEmpty && writable == nil }

  mutating func add(readable watch: (stream: SharedDescriptor, bell: SharedDescriptor?)?) {
    guard let watch else { return }
    readable.append(watch.stream)
    add(bell: watch.bell)
  }

  mutating func add(writable watch: (stream: SharedDescriptor, bell: SharedDescriptor?)?) {
    guard let watch else { return }
    writable = watch.stream
    add(bell: watch.bell)
  }

  private mutating func add(bell: SharedDescriptor?) {
    if let bell { bells.append(bell) } else { lacksBell = true }
  }

  /// Without a bell whoever waits looks again now and then.
  private func next(before deadline: Deadline) -> Deadline {
    lacksBell ? deadline.capped(at: .milliseconds(250)) : deadline
  }

  // MARK: Waiting

  /// Waits until it is worth a look, or one of `others` is readable; false when `deadline` comes first.
  package func wait(besides others: [SharedDescriptor] = [], until deadline: Deadline) throws(SystemFailure) -> Bool {
    defer { withExtendedLifetime((self, others)) {} }
    let isReady = try Syscall.wait(
      readable: (readable + bells + others).map(\.raw), writable: writable.map { [$0.raw] } ?? [],
      until: next(before: deadline))
    return isReady || lacksBell && !deadline.hasPassed
  }

  /// The same without blocking a thread; `regardless`: also in a task that is cancelled.
  package nonisolated(nonsending) func waitSuspended(
    besides others: [SharedDescriptor] = [], until deadline: Deadline, regardless: Bool = false
  ) async throws -> Bool {
    let room = try writable.map { try [Self.descriptor(writable: $0)] } ?? []
    defer { withExtendedLifetime((self, others, room)) {} }
    let numbers = (readable + bells + others + room).map(\.raw)
    let isReady =
      regardless
      ? try await Reactor.waitReadableRegardless(numbers, until: next(before: deadline))
      : try await Reactor.waitReadable(numbers, until: next(before: deadline))
    return isReady || lacksBell && !deadline.hasPassed
  }

  /// A descriptor that is readable while `writable` can be written to, as the reactor can wait for it.
  static func descriptor(writable: SharedDescriptor) throws(SystemFailure) -> SharedDescriptor {
    let set = try Descriptor.listing { () throws(SystemFailure) in try Syscall.readinessSet() }
    try Syscall.watchWritable(writable.raw, in: set.raw)
    return SharedDescriptor(set)
  }
}
