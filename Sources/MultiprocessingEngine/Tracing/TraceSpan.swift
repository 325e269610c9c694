import CMultiprocessing
import Glibc

/// What a span of time is spent on.
package enum TraceCategory: Sendable {
  /// Something that was given to a process, or a thread of it, to be done.
  case task
  /// Waiting for another process or thread.
  case wait
  /// What the user marks.
  case user

  fileprivate var name: StaticString {
    switch self {
    case .task: "task"
    case .wait: "wait"
    case .user: "user"
    }
  }
}

/// A span on one thread, ended there, the one begun last first; one that was begun while nothing was recorded has no end either.
package struct TraceSpan: Sendable {
  fileprivate let category: TraceCategory?

  package func end() {
    guard let category, Tracing.isOn else { return }
    Tracing.record(TraceEvent(name: "", category: category.name, phase: .end))
  }
}

/// A span of a Swift task's, which may end on another thread.
package struct AsyncTraceSpan: Sendable {
  fileprivate let open: (category: TraceCategory, name: String, id: UInt64)?

  package func end() {
    guard let open, Tracing.isOn else { return }
    var event = TraceEvent(name: open.name, category: open.category.name, phase: .asyncEnd)
    event.id = open.id
    Tracing.record(event)
  }
}

extension Tracing {
  /// Begins a span on the calling thread; the name is asked for only when it is recorded.
  package static func begin(_ category: TraceCategory, _ name: @autoclosure () -> String) -> TraceSpan {
    guard isOn else { return TraceSpan(category: nil) }
    record(TraceEvent(name: name(), category: category.name, phase: .begin))
    return TraceSpan(category: category)
  }

  /// A wait, on the calling thread.
  package static func wait(_ name: @autoclosure () -> String) -> TraceSpan { begin(.wait, name()) }

  /// Something that the calling thread was given to do.
  package static func task(_ name: @autoclosure () -> String) -> TraceSpan { begin(.task, name()) }

  package static func beginAsync(_ category: TraceCategory, _ name: @autoclosure () -> String) -> AsyncTraceSpan {
    guard isOn else { return AsyncTraceSpan(open: nil) }
    let span = AsyncTraceSpan(open: (category, name(), nextID()))
    if let open = span.open {
      var event = TraceEvent(name: open.name, category: category.name, phase: .asyncBegin)
      event.id = open.id
      record(event)
    }
    return span
  }

  /// A moment that the user marks.
  package static func mark(_ name: @autoclosure () -> String) {
    guard isOn else { return }
    record(TraceEvent(name: name(), category: "user", phase: .instant))
  }
}
