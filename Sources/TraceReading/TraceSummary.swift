/// What a trace comes to, in lines of text.
package struct TraceSummary: Sendable {
  private let model: TraceModel
  private static let longestTasks = 10
  /// Of anything else, more than anybody reads.
  private static let mostLines = 200

  package init(_ model: TraceModel) { self.model = model }

  package var text: String {
    guard !model.processes.isEmpty else { return "no process in the trace\n" }
    let count = model.processes.count
    var lines = ["\(count) \(count == 1 ? "process" : "processes") in \(Self.seconds(model.time.length))"]
    let lives = Self.bounded(model.processes) { process in
      var line = "\(Self.title(process)): busy \(Self.seconds(process.busy)), idle \(Self.seconds(process.idle))"
      if let ending = Self.ending(process) { line += ", \(ending)" }
      return line
    }
    lines += lives.map { "  \($0)" }
    lines += section("longest tasks", tasks)
    lines += section("crashes and other failures", failures)
    lines += section("restarts", restarts)
    return lines.joined(separator: "\n") + "\n"
  }

  private func section(_ title: String, _ lines: [String]) -> [String] {
    lines.isEmpty ? [] : ["\(title):"] + lines.map { "  \($0)" }
  }

  private static func bounded<Element>(_ elements: [Element], _ line: (Element) -> String) -> [String] {
    let more = elements.count - mostLines
    return elements.prefix(mostLines).map(line) + (more > 0 ? ["and \(more) more"] : [])
  }

  private var tasks: [String] {
    // What the program marks itself is a task as well.
    let tasks = model.processes.flatMap { process in
      process.spans.filter { ["task", "user"].contains($0.category) }.map { (process, $0) }
    }
    // Of equal ones, the earlier process first: `enumerated` makes the order one of its own.
    let longest = tasks.enumerated().sorted {
      ($1.element.1.time.length, $0.offset) < ($0.element.1.time.length, $1.offset)
    }
    return longest.prefix(Self.longestTasks).map { _, task in
      "\(Self.seconds(task.1.time.length)): \(Self.line(task.1.name)) in \(Self.title(task.0))"
        + (task.1.isWhole ? "" : ", cut off by the end of the process")
    }
  }

  private var failures: [String] {
    Self.bounded(model.processes.filter(\.ending.isFailure)) { process in
      "\(Self.title(process)) \(Self.ending(process) ?? "failed") after \(Self.seconds(process.life.length))"
    }
  }

  private var restarts: [String] {
    Self.bounded(model.restarts) { old, new in
      "\(Self.title(old)) was replaced by \(Self.title(new)), \(Self.seconds(max(0, new.life.start - old.life.end))) later"
    }
  }

  package static func title(_ process: TracedProcess) -> String { "\(line(process.name)), pid \(process.pid)" }

  /// nil where nobody knows.
  package static func ending(_ process: TracedProcess) -> String? {
    func with(_ message: String?) -> String { message.map { ": \(line($0))" } ?? "" }
    switch process.ending {
    case .unknown, .left: return nil
    case .exited(let code): return "exited with \(code)"
    case .signaled(let name, let message): return "ended by \(line(name))\(with(message))"
    case .crashed(let signal, let message): return "crashed with \(line(signal))\(with(message))"
    }
  }

  /// Without what would break the line, or play tricks on a terminal.
  static func line(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(300) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: scalars.append(" ")
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }

  /// "0.001500 seconds".
  package static func seconds(_ nanoseconds: Int) -> String {
    let microseconds = (max(0, nanoseconds) + 500) / 1000
    let fraction = String(microseconds % 1_000_000)
    return "\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction) seconds"
  }
}
