/// A stretch of time, in nanoseconds.
package struct TraceInterval: Equatable, Sendable {
  package var start: Int
  package var end: Int
  package var length: Int { max(0, end - start) }
}

/// What a thread, or a task of Swift's, was doing for a while.
package struct TracedSpan: Equatable, Sendable {
  package var name: String
  package var category: String
  package var thread: Int
  /// How many spans of its thread it lies in.
  package var depth: Int
  package var time: TraceInterval
  /// False for one that the end of its process cut off.
  package var isWhole: Bool
  /// Whether it belongs to no thread.
  package var isAsync = false
}

/// A moment.
package struct TracedMark: Equatable, Sendable {
  package var name: String
  package var category: String
  package var time: Int
}

/// The life of one process.
package struct TracedProcess: Equatable, Sendable {
  package enum Ending: Equatable, Sendable {
    /// The trace does not tell.
    case unknown
    /// It left, with a code that nobody has noted.
    case left
    case exited(Int)
    case signaled(name: String, message: String?)
    case crashed(signal: String, message: String?)

    /// Whether something went wrong.
    package var isFailure: Bool {
      switch self {
      case .unknown, .left, .exited(0): false
      case .exited, .signaled, .crashed: true
      }
    }
  }

  package var pid: Int
  package var name: String
  /// Index among the processes.
  package var parent: Int?
  package var life: TraceInterval
  package var ending = Ending.unknown
  package var spans: [TracedSpan] = []
  package var marks: [TracedMark] = []
  /// The index of the process whose place it took.
  package var replaces: Int?

  package func spans(_ category: String) -> [TracedSpan] { spans.filter { $0.category == category } }

  /// When its main thread, or something asynchronous, waited for others.
  package var waits: [TraceInterval] {
    Self.union(spans("wait").filter { $0.isAsync || $0.thread == pid }.map(\.time))
  }

  /// The time in which it had something to do: the tasks that it was given, or, where it was given none, all of its life; less
  /// what it waited meanwhile.
  package var busy: Int {
    let tasks = Self.union(spans("task").map(\.time))
    return Self.length(of: tasks.isEmpty ? [life] : tasks, without: waits)
  }

  package var idle: Int { max(0, life.length - busy) }

  /// The same times, in order and without overlap.
  static func union(_ intervals: [TraceInterval]) -> [TraceInterval] {
    var union: [TraceInterval] = []
    for interval in intervals.sorted(by: { $0.start < $1.start }) {
      if let last = union.last, interval.start <= last.end {
        union[union.count - 1].end = max(last.end, interval.end)
      } else {
        union.append(interval)
      }
    }
    return union
  }

  /// Both in order and without overlap.
  private static func length(of intervals: [TraceInterval], without others: [TraceInterval]) -> Int {
    var total = 0
    var first = 0
    for interval in intervals {
      total += interval.length
      while first < others.count, others[first].end <= interval.start { first += 1 }
      var index = first
      while index < others.count, others[index].start < interval.end {
        let start = max(interval.start, others[index].start)
        total -= max(0, min(interval.end, others[index].end) - start)
        index += 1
      }
    }
    return total
  }
}
