import CMultiprocessing
import Glibc
import Synchronization

/// Records what the processes of a program do, as events in one file that all of them write to.
///
/// The file is opened once, for appending, and every child that is forked from then on keeps the descriptor on purpose: it is not in the
/// engine's table. An event is a line, and a line is one write(2): what had happened when a process was killed is in the file, and lines
/// of several writers do not mix. The line's end comes ahead of it, so that one torn by a full disk spoils no other.
///
/// Tracing never disturbs the program. A file that cannot be written to any more (a full disk) ends it in the process that notices, which
/// says so once on standard error. Where nothing is recorded, each place that could is one load of a word.
package enum Tracing {
  /// Whether events are recorded in this process.
  package static var isOn: Bool { mp_trace_is_on() }

  /// Held while a line is written, so that no descriptor is closed under a writer. Nothing but that is done under it.
  private static let turn = ForkAwareLock(())

  // MARK: On and off

  /// Begins a trace. Throws EBUSY when there is one, or the environment asks for one.
  package static func start(path: String, processName: String) throws(SystemFailure) {
    try turn.withLock { (_) throws(SystemFailure) in
      guard !isOn else { throw SystemFailure("write a second trace", errno: EBUSY) }
      try open(path)
    }
    introduce(processName, parent: nil)
  }

  /// Begins what the environment asks for. To be called ahead of a fork, so that the child has it as well.
  package static func prepare() {
    guard isAsked else { return }
    let failure: SystemFailure? = turn.withLock { _ in
      // Another thread may have been faster.
      guard isAsked, let path = mp_trace_asked_path() else { return nil }
      do throws(SystemFailure) {
        try open(String(cString: path))
        return nil
      } catch {
        mp_trace_set(Int32(MP_TRACE_OFF))
        return error
      }
    }
    if let failure {
      complain(failure)
    } else {
      introduce("MainProcess", parent: nil, since: mp_trace_beginning())
    }
  }

  private static var isAsked: Bool { mp_trace_state() == Int32(MP_TRACE_ASKED) }

  /// No child is forked between opening the file and knowing it.
  private static func open(_ path: String) throws(SystemFailure) {
    // A child then finds it initialised.
    _ = nextID()
    try forkLock.withLock { (_) throws(SystemFailure) in mp_trace_set(try Syscall.openTrace(path)) }
  }

  /// Ends the trace in this process. Its children go on with theirs.
  package static func stop() {
    if mp_trace_state() >= 0 { record(TraceEvent(name: "the trace ends", category: "trace", phase: .instant)) }
    turn.withLock { _ in close() }
  }

  private static func close() {
    let descriptor = mp_trace_state()
    mp_trace_set(Int32(MP_TRACE_OFF))
    if descriptor >= 0 { Glibc.close(descriptor) }
  }

  private static func complain(_ failure: SystemFailure) {
    StandardStreams.complain("process \(getpid()): there is no trace of it from here on: \(failure)")
  }

  // MARK: Events

  /// Writes an event. The caller has seen that tracing is on.
  static func record(_ event: TraceEvent) {
    prepare()
    withUnsafeTemporaryAllocation(byteCount: TraceLine.capacity, alignment: 1) { buffer in
      var line = TraceLine(buffer)
      event.write(to: &line)
      write(line.bytes)
    }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer) {
    let failure: SystemFailure? = turn.withLock { _ in
      let descriptor = mp_trace_state()
      guard descriptor >= 0 else { return nil }
      do throws(SystemFailure) {
        try Syscall.writeLine(descriptor, bytes)
        return nil
      } catch {
        close()
        return error
      }
    }
    if let failure { complain(failure) }
  }

  /// Names this process, and begins its life.
  static func introduce(_ name: String, parent: Int32?, since beginning: UInt64? = nil) {
    var event = TraceEvent(name: "process_name", category: "process", phase: .metadata)
    event.arguments = [("name", .text(name))]
    record(event)
    event = TraceEvent(name: name, category: "process", phase: .begin)
    if let beginning { event.time = beginning }
    if let parent { event.arguments = [("parent", .number(Int(parent)))] }
    record(event)
  }

  /// A number for the two ends of something asynchronous.
  static func nextID() -> UInt64 { lastID.wrappingAdd(1, ordering: .relaxed).newValue }
  private static let lastID = Atomic<UInt64>(0)
}
