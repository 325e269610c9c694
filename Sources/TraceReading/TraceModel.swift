/// What a trace tells, process by process.
package struct TraceModel: Equatable, Sendable {
  /// In the order of their beginnings.
  package private(set) var processes: [TracedProcess] = []
  package private(set) var time = TraceInterval(start: 0, end: 0)

  package init(_ records: [TraceRecord]) {
    // The events of one thread are in order already; a parent's line may lie behind its child's.
    let ordered = records.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
    var builder = Builder()
    for (_, record) in ordered { builder.add(record) }
    processes = builder.finished()
    guard let start = processes.map(\.life.start).min(), let end = processes.map(\.life.end).max() else { return }
    time = TraceInterval(start: start, end: end)
  }

  /// The processes that took another's place, with that one.
  package var restarts: [(old: TracedProcess, new: TracedProcess)] {
    processes.compactMap { process in process.replaces.map { (processes[$0], process) } }
  }

  /// The chains of processes that took one another's places, by their indices; each process is in one.
  package var lanes: [[Int]] {
    var lanes: [[Int]] = []
    var laneOf: [Int: Int] = [:]
    for (index, process) in processes.enumerated() {
      if let old = process.replaces, let lane = laneOf[old], lanes[lane].last == old {
        lanes[lane].append(index)
        laneOf[index] = lane
      } else {
        laneOf[index] = lanes.count
        lanes.append([index])
      }
    }
    return lanes
  }
}

/// Follows the events in the order of their times.
private struct Builder {
  private struct Entry {
    var process: TracedProcess
    /// Whether the process itself has said something.
    var hasBegun = false
    var hasEnded = false
    /// Whether its end was noted by the one who reaped it: the number may be another's from then on.
    var isReaped = false
    var lastSign: Int
    /// The spans that are open on each thread, by their indices.
    var open: [Int: [Int]] = [:]
    var openAsync: [String: Int] = [:]
  }

  private struct Place: Hashable {
    var parent: Int?
    var name: String
  }

  private var entries: [Entry] = []
  private var current: [Int: Int] = [:]
  /// Who has failed, and nobody has taken its place yet.
  private var vacant: [Place: Int] = [:]

  mutating func add(_ record: TraceRecord) {
    switch (record.category, record.phase) {
    case ("process", .complete): start(record)
    case ("process", .begin): begin(record)
    case ("process", .end):
      let index = entry(for: record)
      close(index, at: record.time)
      entries[index].hasEnded = true
      if entries[index].process.ending == .unknown { entries[index].process.ending = .left }
    case ("crash", .instant): crash(record)
    case ("end", .instant): end(record)
    case ("replace", .instant): replace(record)
    case (_, .metadata): name(record)
    default: addInside(record)
    }
  }

  // MARK: Lives

  private mutating func make(_ pid: Int, _ name: String, parent: Int?, at time: Int) -> Int {
    var process = TracedProcess(pid: pid, name: name, parent: parent, life: TraceInterval(start: time, end: time))
    process.replaces = vacant.removeValue(forKey: Place(parent: parent, name: name))
    entries.append(Entry(process: process, lastSign: time))
    current[pid] = entries.count - 1
    return entries.count - 1
  }

  /// The process that has the number at the moment.
  private mutating func entry(for record: TraceRecord) -> Int {
    let index = current[record.process] ?? make(record.process, "process", parent: nil, at: record.time)
    entries[index].lastSign = max(entries[index].lastSign, record.end)
    return index
  }

  /// A parent tells of a start, before which the number was nobody's.
  private mutating func start(_ record: TraceRecord) {
    let parent = entry(for: record)
    addSpan(record, to: parent, until: record.end)
    guard let pid = record.arguments["child"]?.whole else { return }
    _ = make(pid, record.arguments["name"]?.text ?? "process", parent: parent, at: record.time)
  }

  private mutating func begin(_ record: TraceRecord) {
    if let index = current[record.process], !entries[index].hasBegun, !entries[index].isReaped {
      entries[index].hasBegun = true
      entries[index].process.name = record.name
      entries[index].lastSign = max(entries[index].lastSign, record.time)
      return
    }
    let parent = record.arguments["parent"]?.whole.flatMap { current[$0] }
    let index = make(record.process, record.name, parent: parent, at: record.time)
    entries[index].hasBegun = true
  }

  private mutating func name(_ record: TraceRecord) {
    // The line that a process begins with names it as well.
    guard record.name == "process_name", let name = record.arguments["name"]?.text else { return }
    guard let index = current[record.process], !entries[index].hasBegun, entries[index].process.name == "process" else {
      return
    }
    entries[index].process.name = name
  }

  private mutating func crash(_ record: TraceRecord) {
    let index = entry(for: record)
    close(index, at: record.time)
    entries[index].hasEnded = true
    entries[index].process.ending = .crashed(signal: record.name, message: nil)
  }

  /// Somebody has reaped it.
  private mutating func end(_ record: TraceRecord) {
    let index = entry(for: record)
    guard !entries[index].isReaped else { return }
    entries[index].isReaped = true
    if !entries[index].hasEnded { close(index, at: record.time) }
    entries[index].hasEnded = true
    let arguments = record.arguments
    if let code = arguments["code"]?.whole {
      entries[index].process.ending = .exited(code)
    } else if arguments["signal"]?.whole != nil {
      let message = arguments["message"]?.text
      if case .crashed(let signal, _) = entries[index].process.ending {
        entries[index].process.ending = .crashed(signal: signal, message: message)
      } else {
        let sentence = record.name.prefix { $0 != ":" }
        let signal = sentence.hasPrefix("ended by ") ? String(sentence.dropFirst("ended by ".count)) : "a signal"
        entries[index].process.ending = .signaled(name: signal, message: message)
      }
    }
    let process = entries[index].process
    if process.ending.isFailure { vacant[Place(parent: process.parent, name: process.name)] = index }
  }

  private mutating func replace(_ record: TraceRecord) {
    _ = entry(for: record)
    guard let old = record.arguments["old"]?.whole, let new = record.arguments["new"]?.whole,
      let former = current[old], let successor = current[new], former < successor
    else { return }
    entries[successor].process.replaces = former
  }

  /// Ends the life, and all that was going on in it.
  private mutating func close(_ index: Int, at time: Int) {
    entries[index].process.life.end = max(time, entries[index].process.life.start)
    let open = entries[index].open.values.joined() + Array(entries[index].openAsync.values)
    for span in open {
      entries[index].process.spans[span].time.end = max(time, entries[index].process.spans[span].time.start)
    }
    entries[index].open = [:]
    entries[index].openAsync = [:]
  }

  func finished() -> [TracedProcess] {
    var copy = self
    for index in copy.entries.indices where !copy.entries[index].hasEnded {
      copy.close(index, at: copy.entries[index].lastSign)
    }
    return copy.entries.map(\.process)
  }

  // MARK: What goes on in them

  private mutating func addInside(_ record: TraceRecord) {
    let index = entry(for: record)
    switch record.phase {
    case .begin:
      let span = addSpan(record, to: index, until: nil)
      entries[index].open[record.thread, default: []].append(span)
    case .end:
      guard let span = entries[index].open[record.thread]?.popLast() else { return }
      finish(span, of: index, at: record.time)
    case .asyncBegin:
      guard let id = record.id else { return }
      let span = addSpan(record, to: index, until: nil)
      entries[index].process.spans[span].isAsync = true
      entries[index].openAsync[id] = span
    case .asyncEnd:
      guard let span = record.id.flatMap({ entries[index].openAsync.removeValue(forKey: $0) }) else { return }
      finish(span, of: index, at: record.time)
    case .complete: addSpan(record, to: index, until: record.end)
    case .instant:
      entries[index].process.marks.append(
        TracedMark(name: record.name, category: record.category, time: record.time))
    case .metadata: break
    }
  }

  /// - Parameter end: nil while it is open.
  @discardableResult
  private mutating func addSpan(_ record: TraceRecord, to index: Int, until end: Int?) -> Int {
    let depth = entries[index].open[record.thread]?.count ?? 0
    entries[index].process.spans.append(
      TracedSpan(
        name: record.name, category: record.category, thread: record.thread, depth: depth,
        time: TraceInterval(start: record.time, end: end ?? record.time), isWhole: end != nil))
    return entries[index].process.spans.count - 1
  }

  private mutating func finish(_ span: Int, of index: Int, at time: Int) {
    entries[index].process.spans[span].time.end = max(time, entries[index].process.spans[span].time.start)
    entries[index].process.spans[span].isWhole = true
  }
}
