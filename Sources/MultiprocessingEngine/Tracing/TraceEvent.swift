import CMultiprocessing
import Glibc

/// One event in the Chrome trace event format, which chrome://tracing and Perfetto read.
struct TraceEvent {
  enum Phase {
    case begin, end, complete, asyncBegin, asyncEnd, instant, metadata

    fileprivate var letter: StaticString {
      switch self {
      case .begin: "B"
      case .end: "E"
      case .complete: "X"
      case .asyncBegin: "b"
      case .asyncEnd: "e"
      case .instant: "i"
      case .metadata: "M"
      }
    }
  }

  enum Value {
    case number(Int)
    case text(String)
  }

  var name: String
  var category: StaticString
  var phase: Phase
  var process = getpid()
  var thread = mp_gettid()
  /// Nanoseconds on the monotonic clock, which all processes share.
  var time = monotonicNanoseconds()
  var duration: UInt64?
  /// Which begin belongs to which end, among the asynchronous ones of one process.
  var id: UInt64?
  var arguments: [(key: StaticString, value: Value)] = []

  func write(to line: inout TraceLine) {
    line.add("\n{")
    // The end of a span is the end of the one that was begun last, unless it names another.
    if phase != .end {
      line.add("\"name\":")
      line.add(text: name)
      line.add(",")
    }
    line.add("\"cat\":\"")
    line.add(category)
    line.add("\",\"ph\":\"")
    line.add(phase.letter)
    // An instant concerns all of its process.
    if phase == .instant { line.add("\",\"s\":\"p") }
    line.add("\",\"pid\":")
    line.add(number: Int(process))
    line.add(",\"tid\":")
    line.add(number: Int(thread))
    line.add(",\"ts\":")
    line.add(microseconds: time)
    if let duration {
      line.add(",\"dur\":")
      line.add(microseconds: duration)
    }
    if let id {
      line.add(",\"id2\":{\"local\":\"")
      line.add(number: Int(truncatingIfNeeded: id))
      line.add("\"}")
    }
    if !arguments.isEmpty { write(arguments, to: &line) }
    line.add("},")
  }

  private func write(_ arguments: [(key: StaticString, value: Value)], to line: inout TraceLine) {
    var separator: StaticString = ",\"args\":{\""
    for (key, value) in arguments {
      line.add(separator)
      line.add(key)
      line.add("\":")
      switch value {
      case .number(let number): line.add(number: number)
      case .text(let text): line.add(text: text)
      }
      separator = ",\""
    }
    line.add("}")
  }
}
