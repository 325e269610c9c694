internal import MultiprocessingEngine

/// A first-in, first-out queue between any processes and threads. Python's `multiprocessing.Queue`, without its feeder thread and
/// its hang.
///
///     let numbers = try Queue<Int>()
///     let process = Process(target: { (numbers: Queue<Int>) in try numbers.put(42) }, args: (numbers))
///     try process.start()
///     print(try numbers.get())
///
/// Each producer's elements arrive in the order in which it put them, and every element reaches exactly one getter. The queue lies
/// in shared memory, and grows as needed; memory that a burst took goes back to the system as it is drained. As long as there
/// are elements and room, neither side calls the system.
///
/// Pass it as an argument, capture it, or store it in a `ProcessBase`: in the child it is the same queue. It lives as long as any
/// process holds it.
///
/// **When a process dies.** Once `put` returns, the element is safe, whatever becomes of the producer. A process killed at any
/// instruction of any of these methods leaves the queue working for all others: an element it was just putting is either there whole or
/// not at all, and one it was just getting either stays or is gone with it. An element that a killed process had got stays gone,
/// and its `taskDone()` is never called.
public final class Queue<Element: Codable & Sendable>: Sendable, SegmentHandle {
  let queue: SharedQueue
  private let coder = WireMessageCoder<Element>()

  var segment: SharedSegment { queue.segment }
  static var label: SegmentLabel { SharedQueue.label }

  /// A queue of at most `capacity` elements; nil, the default: as many as there is memory for.
  ///
  /// - Throws: `QueueError.invalidCapacity` below 1; `.system`.
  public init(capacity: Int? = nil) throws {
    if let capacity, capacity < 1 { throw QueueError.invalidCapacity(capacity) }
    queue = try Self.telling { () throws(SystemFailure) in try SharedQueue(capacity: capacity) }
  }

  init(segment: SharedSegment) throws { queue = try SharedQueue(segment: segment) }

  // MARK: Putting

  /// Puts an element behind all others, waiting for room as long as the queue is full. Python's `put`.
  ///
  /// - Parameters:
  ///   - element: is encoded before anything waits.
  ///   - timeout: nil waits for ever.
  /// - Throws: `QueueError.closed`, `.elementTooLarge`, `.system` (ENOSPC or ENOMEM when there is no memory left); `TimeoutError`;
  ///   what encoding the element throws. After an error it is not in the queue.
  public func put(_ element: Element, timeout: Duration? = nil) throws {
    switch try put(element, { bytes throws(SystemFailure) in try queue.put(bytes, until: Deadline(after: timeout)) }) {
    case .put: break
    case .closed: throw QueueError.closed
    case .full, .timedOut: throw TimeoutError(operation: "room in a queue", timeout: timeout ?? .zero)
    }
  }

  /// Puts an element unless the queue is full. Python's `put_nowait`.
  ///
  /// - Returns: false when it is full.
  /// - Throws: as `put`.
  public func tryPut(_ element: Element) throws -> Bool {
    try isPut(element) { bytes throws(SystemFailure) in try queue.tryPut(bytes) }
  }

  /// The same for a task, whose thread must not be held up; false also when the queue cannot be had at the moment.
  func tryPutInTask(_ element: Element) throws -> Bool {
    try isPut(element) { bytes throws(SystemFailure) in try queue.tryPutInTask(bytes) }
  }

  private func isPut(
    _ element: Element, _ put: (UnsafeRawBufferPointer) throws(SystemFailure) -> SharedQueue.Putting
  ) throws -> Bool {
    switch try self.put(element, put) {
    case .put: return true
    case .closed: throw QueueError.closed
    case .full, .timedOut: return false
    }
  }

  private func put(
    _ element: Element, _ put: (UnsafeRawBufferPointer) throws(SystemFailure) -> SharedQueue.Putting
  ) throws -> SharedQueue.Putting {
    var putting = SharedQueue.Putting.full
    try coder.encode(element) { bytes in
      guard bytes.count <= queue.longest else { throw QueueError.elementTooLarge(bytes.count) }
      putting = try Self.telling { () throws(SystemFailure) in try put(bytes) }
    }
    return putting
  }

  // MARK: Getting

  /// Takes the first element, waiting for one as long as there is none. Python's `get`.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Throws: `QueueError.closed` when the queue is closed and drained, `.system`; `TimeoutError`; `DecodingError` for an element of
  ///   another type, which is gone then.
  public func get(timeout: Duration? = nil) throws -> Element {
    try coder.decode { message in
      switch try Self.telling({ () throws(SystemFailure) in
        try queue.get(until: Deadline(after: timeout)) { message.copy($0) }
      }) {
      case .got: break
      case .closed: throw QueueError.closed
      case .empty, .timedOut: throw TimeoutError(operation: "an element of a queue", timeout: timeout ?? .zero)
      }
    }
  }

  /// Takes the first element if there is one. Python's `get_nowait`.
  ///
  /// - Returns: nil when there is none at the moment.
  /// - Throws: as `get`.
  public func tryGet() throws -> Element? {
    try got { copy throws(SystemFailure) in try queue.tryGet(copy) }
  }

  /// The same for a task, whose thread must not be held up; nil also when the queue cannot be had at the moment.
  func tryGetInTask() throws -> Element? {
    try got { copy throws(SystemFailure) in try queue.tryGetInTask(copy) }
  }

  private func got(
    _ get: (SharedQueue.Copy) throws(SystemFailure) -> SharedQueue.Getting
  ) throws -> Element? {
    if queue.count == 0, !queue.isClosed { return nil }
    do {
      return try coder.decode { message in
        switch try Self.telling({ () throws(SystemFailure) in try get { message.copy($0) } }) {
        case .got: break
        case .closed: throw QueueError.closed
        case .empty, .timedOut: throw Nothing()
        }
      }
    } catch is Nothing {
      return nil
    }
  }

  /// Another getter was faster.
  private struct Nothing: Error {}

  // MARK: Closing

  /// Closes the queue for every process: nothing more can be put, and whoever waits for room meets `.closed`. Getters drain it, then
  /// meet `.closed`; loops over it end. To close it again does nothing.
  public func close() {
    // The mutexes refuse only a signal handler that has interrupted one of these very methods.
    try? queue.close()
  }

  /// Whether the queue was closed, in whatever process.
  public var isClosed: Bool { queue.isClosed }

  // MARK: State

  /// How many elements wait. Others put and get at the same time: by the time it is read it may be another. Python's `qsize()`.
  public var count: Int { queue.count }

  /// Whether none waits, at the moment.
  public var isEmpty: Bool { count == 0 }

  /// Whether there is no room, at the moment; false without a capacity.
  public var isFull: Bool { queue.isFull }

  // MARK: Tasks

  /// Says that one of the elements that were got has been dealt with. Python's `JoinableQueue.task_done`.
  ///
  /// - Throws: `QueueError.tooManyTaskDone`, `.system`.
  public func taskDone() throws {
    guard try Self.telling({ () throws(SystemFailure) in try queue.tasks.done() }) else {
      throw QueueError.tooManyTaskDone
    }
  }

  /// Waits until `taskDone()` was called for every element that was put. Python's `JoinableQueue.join`.
  ///
  /// A consumer that was killed between `get` and `taskDone()` leaves its element undone for ever: wait with a timeout, or have
  /// whoever replaces it call `taskDone()` in its stead.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Returns: false when time ran out.
  /// - Throws: `QueueError.system`.
  @discardableResult
  public func join(timeout: Duration? = nil) throws -> Bool {
    try Self.telling { () throws(SystemFailure) in try queue.tasks.join(until: Deadline(after: timeout)) }
  }

  private static func telling<Result>(_ body: () throws(SystemFailure) -> Result) throws(QueueError) -> Result {
    do throws(SystemFailure) { return try body() } catch { throw QueueError(error) }
  }
}
