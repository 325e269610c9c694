import CMultiprocessing
import Glibc

/// A first-in, first-out queue of byte strings in shared memory, for any number of processes and threads on either side.
///
/// **The locks.** Two robust mutexes, one for those that put (the *tail*'s) and one for those that get (the *head*'s), guard the
/// two ends. Both sides are changed by one write each (`QueueCursor`), so a mutex of the dead leaves nothing to repair but memory to
/// give back: what died before its write has done nothing. See `QueueWriter` and `QueueReader`, state by state.
///
/// **Waiting.** Nobody sleeps, and nobody calls the system, as long as there are elements and room. A reader that finds the queue
/// empty takes the *readers' turn*, a third robust mutex, and only its holder may sleep, on the futex `elements`; the others sleep on
/// the turn. Hence there is one sleeper at most to be woken, and if it is killed the kernel hands its turn to another. If it is
/// stopped (SIGSTOP), those behind it look for themselves now and then. Writers that wait for room do the same with theirs.
///
/// **No wake-up is lost**, whoever dies when:
/// - A reader looks for elements, and says that it is going to sleep, while it holds the tail's mutex. So each writer either
///   committed before, and the reader sees the element, or finds `readerSleeps` before it commits.
/// - A writer wakes the sleeper *before* it commits, while it holds the tail's mutex. If it dies ahead of the wake-up, there is no
///   element to be woken for. If it dies between wake-up and commit, the reader was woken for nothing: it takes the tail's mutex
///   from the dead, sees the queue empty, and says anew that it sleeps. If it dies after the commit, the reader is awake, and
///   the mutex it waits for is handed to it by the kernel.
/// - Room, the same with sides exchanged.
/// - Closing takes both mutexes and wakes everybody before it writes the one word.
///
/// **Order of locks**: turn, then head, then tail. Only `close` holds head and tail at once.
package final class SharedQueue: @unchecked Sendable {
  // Sendable: immutable, but for the shared memory, which the mutexes guard.
  package let segment: SharedSegment
  package let capacity: Int?

  private let base: UnsafeMutableRawPointer
  private let writer: QueueWriter
  private let reader: QueueReader
  let tailMutex: RobustMutex
  let headMutex: RobustMutex
  let readers: QueueTurn
  let writers: QueueTurn
  package let tasks: QueueTasks

  package static let label = SegmentLabel(kind: "queu")

  // MARK: Making

  /// A queue of at most `capacity` elements; nil: as many as there is memory for.
  package convenience init(capacity: Int?) throws(SystemFailure) {
    var area = Self.largestArea
    while true {
      do throws(SystemFailure) {
        self.init(unchecked: try Self.make(area: area, capacity: capacity))
        return
      } catch {
        // Less address space, or a lower limit on a file's size, than a queue would like to have.
        guard [ENOMEM, EFBIG].contains(error.errno), area > Self.leastArea else { throw error }
        area /= 4
      }
    }
  }

  /// The queue in a segment that any process made.
  package convenience init(segment: SharedSegment) throws(SegmentError) {
    let area = SharedWord(at: segment.contents + QueueLayout.areaSize).value
    guard area >= UInt64(Self.leastArea), area <= UInt64(segment.capacity - QueueLayout.area) else {
      throw .notASegment
    }
    self.init(unchecked: segment)
  }

  private init(unchecked segment: SharedSegment) {
    self.segment = segment
    base = segment.contents
    let area = Int(SharedWord(at: base + QueueLayout.areaSize).value)
    let capacity = SharedWord(at: base + QueueLayout.capacity).value
    self.capacity = capacity == 0 ? nil : Int(clamping: capacity)
    writer = QueueWriter(segment, area: area)
    reader = QueueReader(segment, area: area)
    tailMutex = RobustMutex(at: base + QueueLayout.tailMutex)
    headMutex = RobustMutex(at: base + QueueLayout.headMutex)
    readers = QueueTurn(
      RobustMutex(at: base + QueueLayout.readersTurn), SharedFutex(at: base + QueueLayout.elements),
      sleeps: SharedWord(at: base + QueueLayout.readerSleeps))
    writers = QueueTurn(
      RobustMutex(at: base + QueueLayout.writersTurn), SharedFutex(at: base + QueueLayout.room),
      sleeps: SharedWord(at: base + QueueLayout.writerSleeps))
    tasks = QueueTasks(base, tail: QueueCursor(at: base + QueueLayout.tail))
  }

  private static func make(area: Int, capacity: Int?) throws(SystemFailure) -> SharedSegment {
    let segment = try SharedSegment.make(
      label, capacity: QueueLayout.area + area, reserved: QueueLayout.area + QueueBlock.smallest)
    let base = segment.contents
    for mutex in [
      QueueLayout.tailMutex, QueueLayout.headMutex, QueueLayout.readersTurn, QueueLayout.writersTurn,
      QueueLayout.tasksMutex,
    ] {
      _ = try RobustMutex.make(at: base + mutex)
    }
    SharedWord(at: base + QueueLayout.areaSize).value = UInt64(area)
    SharedWord(at: base + QueueLayout.capacity).value = UInt64(capacity ?? 0)
    QueueBlocks(base: base)[0] = QueueBlock(start: 0, size: QueueBlock.smallest)
    return segment
  }

  /// Address space for more than the machine has memory, since blocks go round in it.
  private static let largestArea: Int = {
    let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    var area = leastArea
    while area < 2 * memory, area < 1 << 40 { area *= 2 }
    return area
  }()
  private static let leastArea = 64 << 20

  // MARK: Putting

  package enum Putting: Equatable { case put, full, closed, timedOut }

  /// The longest element that can be put, in bytes.
  package var longest: Int { writer.longest }

  /// Waits for room until `deadline`. With `.put` the element is safe.
  package func put(_ element: UnsafeRawBufferPointer, until deadline: Deadline) throws(SystemFailure) -> Putting {
    guard try lockTail(until: deadline) else { return .timedOut }
    let putting = try putHolding(element)
    guard putting == .full else { return putting }
    return try waitForRoom(element, until: deadline)
  }

  /// `.full` rather than to wait.
  package func tryPut(_ element: UnsafeRawBufferPointer) throws(SystemFailure) -> Putting {
    _ = try lockTail(until: .never)
    return try putHolding(element)
  }

  /// The same for a task, whose thread must not be held up: `.timedOut` when the holder of the mutex may have been stopped (SIGSTOP).
  package func tryPutInTask(_ element: UnsafeRawBufferPointer) throws(SystemFailure) -> Putting {
    guard let taking = try tailMutex.lockInTask() else { return .timedOut }
    mend(taking)
    return try putHolding(element)
  }

  /// With the tail's mutex, which it lets go.
  private func putHolding(_ element: UnsafeRawBufferPointer) throws(SystemFailure) -> Putting {
    defer { tailMutex.unlock() }
    if isClosed { return .closed }
    if let capacity, writer.isFull(capacity: UInt64(capacity)) { return .full }
    let progress = try writer.write(element)
    readers.wakeSleeper()
    writer.commit(progress)
    return .put
  }

  private func waitForRoom(_ element: UnsafeRawBufferPointer, until deadline: Deadline) throws(SystemFailure) -> Putting
  {
    let span = Tracing.wait("room in a queue")
    defer { span.end() }
    var putting = Putting.full
    switch try writers.take(
      until: deadline,
      unless: { () throws(SystemFailure) in
        if !isFull || isClosed { putting = try tryPut(element) }
        return putting != .full
      })
    {
    case .taken: break
    case .settled: return putting
    case .timedOut: return .timedOut
    }
    defer { writers.turn.unlock() }
    while true {
      guard try headMutex.lockBriefly(until: deadline) != nil else { return .timedOut }
      let seen = isFull && !isClosed ? writers.announceSleep() : nil
      headMutex.unlock()
      let timedOut = seen.map { !writers.sleep($0, until: deadline) } ?? false
      guard try lockTail(until: deadline) else { return .timedOut }
      putting = try putHolding(element)
      if putting != .full { return putting }
      if timedOut { return .timedOut }
    }
  }

  // MARK: Getting

  package enum Getting: Equatable { case got, empty, closed, timedOut }

  /// Copies an element while nobody else can touch it, and must be quick. If it throws, the element stays.
  package typealias Copy = (UnsafeRawBufferPointer) throws(SystemFailure) -> Void

  /// Waits for an element until `deadline`.
  package func get(until deadline: Deadline, _ copy: Copy) throws(SystemFailure) -> Getting {
    guard try headMutex.lockBriefly(until: deadline) != nil else { return .timedOut }
    if try getHolding(copy) { return .got }
    if readers.spin(until: { self.hasElements }) {
      guard try headMutex.lockBriefly(until: deadline) != nil else { return .timedOut }
      if try getHolding(copy) { return .got }
    }
    return try waitForElement(until: deadline, copy)
  }

  /// `.empty` rather than to wait.
  package func tryGet(_ copy: Copy) throws(SystemFailure) -> Getting {
    _ = try headMutex.lock()
    if try getHolding(copy) { return .got }
    guard isClosed else { return .empty }
    // What was put before it was closed may have come since the look.
    _ = try headMutex.lock()
    return try getHolding(copy) ? .got : .closed
  }

  /// The same for a task, whose thread must not be held up: `.timedOut` when the holder of the mutex may have been stopped (SIGSTOP).
  package func tryGetInTask(_ copy: Copy) throws(SystemFailure) -> Getting {
    guard try headMutex.lockInTask() != nil else { return .timedOut }
    if try getHolding(copy) { return .got }
    guard isClosed else { return .empty }
    // What was put before it was closed may have come since the look.
    guard try headMutex.lockInTask() != nil else { return .timedOut }
    return try getHolding(copy) ? .got : .closed
  }

  /// With the head's mutex, which it lets go. False when there is none.
  private func getHolding(_ copy: Copy) throws(SystemFailure) -> Bool {
    do {
      defer { headMutex.unlock() }
      guard let found = try reader.first() else { return false }
      try copy(found.element)
      writers.wakeSleeper()
      reader.commit(found.after)
      guard found.mayShrink else { return true }
    }
    shrink()
    return true
  }

  /// Leaves a large block that has been emptied.
  private func shrink() {
    // Whoever holds the mutex puts something, and the block is wanted; one that cannot be locked fails the next call that has to.
    guard let taking = try? tailMutex.tryLock() else { return }
    mend(taking)
    let progress = writer.shrunk()
    if let progress { writer.commit(progress) }
    tailMutex.unlock()
    // Whoever holds that one leaves the block behind on the way to the next element.
    guard progress != nil, (try? headMutex.tryLock()) != nil else { return }
    reader.leaveBlocks()
    headMutex.unlock()
  }

  private func waitForElement(until deadline: Deadline, _ copy: Copy) throws(SystemFailure) -> Getting {
    let span = Tracing.wait("an element of a queue")
    defer { span.end() }
    var getting = Getting.empty
    switch try readers.take(
      until: deadline,
      unless: { () throws(SystemFailure) in
        if hasElements || isClosed { getting = try tryGet(copy) }
        return getting != .empty
      })
    {
    case .taken: break
    case .settled: return getting
    case .timedOut: return .timedOut
    }
    defer { readers.turn.unlock() }
    while true {
      guard try lockTail(until: deadline) else { return .timedOut }
      let isOver = isClosed
      let seen = hasElements || isOver ? nil : readers.announceSleep()
      tailMutex.unlock()
      let timedOut = seen.map { !readers.sleep($0, until: deadline) } ?? false
      guard try headMutex.lockBriefly(until: deadline) != nil else { return .timedOut }
      if try getHolding(copy) { return .got }
      if isOver { return .closed }
      if timedOut { return .timedOut }
    }
  }

  // MARK: The tail's mutex

  /// False when it cannot be had in time.
  private func lockTail(until deadline: Deadline) throws(SystemFailure) -> Bool {
    guard let taking = try tailMutex.lockBriefly(until: deadline) else { return false }
    mend(taking)
    return true
  }

  /// All that a dead writer leaves is memory that nobody uses.
  func mend(_ taking: RobustMutex.Taking) {
    if taking == .takenFromTheDead { writer.releaseFreeMemory() }
  }

  // MARK: State

  package var isClosed: Bool { SharedWord(at: base + QueueLayout.closed).observe() != 0 }

  /// Elements at one moment or another during the call.
  package var count: Int {
    // The head first: the tail is never behind what the head was.
    let taken = QueueCursor(at: base + QueueLayout.head).observe().count
    return Int(clamping: QueueCursor(at: base + QueueLayout.tail).observe().count &- taken)
  }

  var hasElements: Bool { count > 0 }
  package var isFull: Bool { capacity.map { count >= $0 } ?? false }

  /// No element is put from now on.
  package func close() throws(SystemFailure) {
    _ = try headMutex.lock()
    defer { headMutex.unlock() }
    _ = try lockTail(until: .never)
    defer { tailMutex.unlock() }
    if isClosed { return }
    readers.wakeSleeper()
    writers.wakeSleeper()
    SharedWord(at: base + QueueLayout.closed).publish(1)
  }
}
