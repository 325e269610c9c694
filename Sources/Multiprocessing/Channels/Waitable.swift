internal import MultiprocessingEngine

/// What `waitAny` waits for: a `Connection` with a message or without a peer, a `Listener` with a connection to accept, a
/// process that has ended.
public protocol Waitable: AnyObject {
  /// What to wait for, as it is at this moment.
  ///
  /// - Throws: what the object's own waiting method throws for an object that cannot be waited for.
  var waitSource: WaitSource { get throws }
}

/// Something to wait for. A type of the program's own that is `Waitable` hands on one of the library's.
public struct WaitSource {
  /// Readable when there may be something; -1, which poll(2) passes over, where there is nothing to wait for.
  let descriptor: Int32
  /// Keeps the descriptor's number from becoming another's.
  private let holder: AnyObject?
  /// Whether it is ready without the descriptor.
  let isReady: Bool
  /// Whether a readable descriptor means that it is ready; may take in what has come.
  let confirm: () throws -> Bool

  init(
    _ descriptor: Int32, heldBy holder: AnyObject?, isReady: Bool = false,
    confirm: @escaping () throws -> Bool = { true }
  ) {
    self.descriptor = descriptor
    self.holder = holder
    self.isReady = isReady
    self.confirm = confirm
  }
}

extension Connection: Waitable {
  /// Ready when there is a message, or the peer is gone.
  ///
  /// - Throws: `ConnectionError.closed`, `.notReadable`.
  public var waitSource: WaitSource {
    get throws {
      try requireReadable()
      guard let held = socket.hold() else { throw ConnectionError.closed }
      // A packet is a message whole. Of a stream, messages may be here already, and what comes may be part of one.
      guard !socket.carriesDescriptors else { return WaitSource(held.raw, heldBy: held) }
      return WaitSource(held.raw, heldBy: held, isReady: try poll()) { [self] in try poll() }
    }
  }
}

extension Listener: Waitable {
  /// Ready when there is a connection to accept.
  ///
  /// - Throws: `ConnectionError.closed`.
  public var waitSource: WaitSource {
    get throws {
      guard let held = hold() else { throw ConnectionError.closed }
      return WaitSource(held.raw, heldBy: held)
    }
  }
}

extension ProcessBase: Waitable {
  /// Ready when the child has ended.
  ///
  /// - Throws: `ProcessError.notStarted`, `.closed`, `.notParent`.
  public final var waitSource: WaitSource {
    get throws {
      let pidfd = try storage.pidfd()
      return WaitSource(pidfd?.raw ?? -1, heldBy: pidfd, isReady: pidfd == nil)
    }
  }
}

/// Waits until one of the objects is ready. Python's `multiprocessing.connection.wait()`.
///
/// A call on a ready one (`receive`, `accept`, `join`) does not wait, unless another thread or process comes first.
///
/// - Parameters:
///   - objects: may name one twice. Of none there is nothing to wait for.
///   - timeout: nil waits for ever.
/// - Returns: those that are ready, in the order in which they were given; none when time ran out.
/// - Throws: what the objects throw that cannot be waited for, such as `ConnectionError.closed` and
///   `ProcessError.notStarted`; `ConnectionError.system`.
public func waitAny(_ objects: [any Waitable], timeout: Duration? = nil) throws -> [any Waitable] {
  let deadline = Deadline(after: timeout)
  let sources = try objects.map { try $0.waitSource }
  if objects.isEmpty { return [] }
  if Tracing.isOn {
    // The system does not tell whether it has waited.
    let look = try Look(at: sources, until: .now)
    if !look.ready.isEmpty { return look.ready.map { objects[$0] } }
  }
  let span = Tracing.wait("one of \(objects.count)")
  defer { span.end() }
  var look = try Look(at: sources, until: deadline)
  // Readable and not ready: a part of a message, which has been taken in.
  while look.ready.isEmpty && look.sawSomething { look = try Look(at: sources, until: deadline) }
  return look.ready.map { objects[$0] }
}

/// Waits until one of the objects is ready, without blocking a thread. Cancelling the task ends the wait with
/// `CancellationError`, at once.
///
/// A call on a ready one (`receive`, `accept`, `join`) does not wait, unless another task, thread or process comes first.
///
/// - Parameters:
///   - objects: may name one twice. Of none there is nothing to wait for.
///   - timeout: nil waits for ever.
/// - Returns: those that are ready, in the order in which they were given; none when time ran out.
/// - Throws: what the objects throw that cannot be waited for, such as `ConnectionError.closed` and
///   `ProcessError.notStarted`; `CancellationError`; `ConnectionError.system`.
public nonisolated(nonsending) func waitAny(
  _ objects: [any Waitable], timeout: Duration? = nil
) async throws -> [any Waitable] {
  try Task.checkCancellation()
  let deadline = Deadline(after: timeout)
  let sources = try objects.map { try $0.waitSource }
  if objects.isEmpty { return [] }
  // The sources keep the numbers theirs until the wait is over.
  defer { withExtendedLifetime(sources) {} }
  while true {
    let look = try Look(at: sources, until: .now)
    if !look.ready.isEmpty { return look.ready.map { objects[$0] } }
    let span = Tracing.beginAsync(.wait, "one of \(objects.count)")
    defer { span.end() }
    do {
      guard try await Reactor.waitReadable(sources.map(\.descriptor), until: deadline) else { return [] }
    } catch let failure as SystemFailure {
      throw ConnectionError.system(errno: failure.errno)
    }
  }
}

/// What was found when somebody waited for sources.
private struct Look {
  /// The indices of those that are ready.
  let ready: [Int]
  /// Whether a descriptor was readable, and not merely time over.
  let sawSomething: Bool

  init(at sources: [WaitSource], until deadline: Deadline) throws {
    let patience = sources.contains(where: \.isReady) ? Deadline.now : deadline
    let readable: [Bool]
    do throws(SystemFailure) {
      readable = try Syscall.readable(sources.map(\.descriptor), until: patience)
    } catch {
      throw ConnectionError.system(errno: error.errno)
    }
    ready = try sources.indices.filter { index in
      try sources[index].isReady || readable[index] && sources[index].confirm()
    }
    sawSomething = readable.contains(true)
  }
}
