import CMultiprocessing
import Glibc

/// The life of processes: what the parent sees of it, and what the child does.
extension Tracing {
  // MARK: In the parent

  /// A moment for `started`; 0 when nothing is recorded.
  package static func instant() -> UInt64 { isOn ? monotonicNanoseconds() : 0 }

  /// A child was started.
  package static func started(_ name: @autoclosure () -> String, pid: Int32, since beginning: UInt64) {
    guard isOn, beginning > 0 else { return }
    let name = name()
    var event = TraceEvent(name: "start \(name)", category: "process", phase: .complete)
    event.duration = event.time &- beginning
    event.time = beginning
    event.arguments = [("child", .number(Int(pid))), ("name", .text(name))]
    record(event)
  }

  /// A child was found to have ended. The event is the child's, for whoever looks at its line of the picture.
  ///
  /// - Parameters:
  ///   - code: nil unless it left by itself.
  ///   - signal: nil unless one ended it.
  package static func ended(_ name: String, pid: Int32, code: Int32?, signal: Int32?, message: String?) {
    guard isOn else { return }
    var event = TraceEvent(name: "ended", category: "end", phase: .instant, process: pid, thread: pid)
    event.arguments = [("name", .text(name))]
    if let code {
      event.name = "exited with \(code)"
      event.arguments.append(("code", .number(Int(code))))
    }
    if let signal {
      event.name = "ended by \(Host.signalName(signal) ?? "signal \(signal)")"
      event.arguments.append(("signal", .number(Int(signal))))
    }
    if let message {
      event.name += ": \(message)"
      event.arguments.append(("message", .text(message)))
    }
    record(event)
  }

  /// One process took another's place, as in a pool after a crash.
  package static func replaced(pid: Int32, by successor: Int32) {
    guard isOn else { return }
    var event = TraceEvent(name: "replaced", category: "replace", phase: .instant)
    event.arguments = [("old", .number(Int(pid))), ("new", .number(Int(successor)))]
    record(event)
  }

  // MARK: In the process itself

  /// A child begins what it was started for.
  package static func began(_ name: @autoclosure () -> String, parent: Int32) {
    guard isOn else { return }
    introduce(name(), parent: parent)
  }

  /// This process failed with an error.
  package static func failed(_ error: @autoclosure () -> String) {
    guard isOn else { return }
    record(TraceEvent(name: error(), category: "error", phase: .instant))
  }

  /// This process is done, and leaves.
  package static func leave() {
    guard mp_trace_state() >= 0 else { return }
    record(TraceEvent(name: "", category: "process", phase: .end))
  }

  /// Names the calling thread.
  package static func name(thread name: @autoclosure () -> String) {
    guard isOn else { return }
    var event = TraceEvent(name: "thread_name", category: "process", phase: .metadata)
    event.arguments = [("name", .text(name()))]
    record(event)
  }
}
