/// The picture of a trace, as SVG: a lane for each process, or for those that took one another's place, over time. The same
/// trace always gives the same bytes.
package struct TraceDrawing: Sendable {
  private let model: TraceModel

  package init(_ model: TraceModel) { self.model = model }

  // In pixels.
  private static let left = 190
  private static let plot = 880
  private static let top = 34
  private static let laneHeight = 30
  private static let barHeight = 20
  private static let taskHeight = 10
  private static let nestedHeight = 5
  /// More lanes than anybody looks at, and more bars than a browser likes to draw in one.
  private static let mostLanes = 500
  private static let mostBars = 2000

  package var svg: String {
    let lanes = model.lanes.prefix(Self.mostLanes)
    let omitted = model.lanes.count - lanes.count
    let bottom = Self.top + lanes.count * Self.laneHeight
    let (width, height) = (Self.left + Self.plot + 20, bottom + 44 + (omitted > 0 ? 18 : 0))
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" "
        + "viewBox=\"0 0 \(width) \(height)\" font-family=\"sans-serif\" font-size=\"11\">",
      Self.style,
      "<rect width=\"\(width)\" height=\"\(height)\" fill=\"#ffffff\"/>",
    ]
    lines += axis(to: bottom)
    var laneOf: [Int: Int] = [:]
    for (number, lane) in lanes.enumerated() { for index in lane { laneOf[index] = number } }
    for (number, lane) in lanes.enumerated() {
      lines += label(lane, number)
      for index in lane { lines += connector(to: index, laneOf) }
    }
    for (number, lane) in lanes.enumerated() {
      for index in lane { lines += bars(of: model.processes[index], number) }
      for (place, index) in lane.enumerated() {
        let next = place + 1 < lane.count ? model.processes[lane[place + 1]].life.start : model.time.end
        lines += ending(of: model.processes[index], number, until: next)
      }
    }
    if omitted > 0 {
      lines.append("<text x=\"8\" y=\"\(bottom + 18)\">and \(omitted) more</text>")
    }
    lines += legend(at: height - 16)
    lines.append("</svg>")
    return lines.joined(separator: "\n") + "\n"
  }

  private static let style = """
    <style>
    .process{fill:#9cc3e6}.failed{fill:#f2b8b0}.wait{fill:#e9eef3}.task{fill:#2f7d4f}.user{fill:#7a5aa6}.start{fill:#c98a1b}
    .error{stroke:#c0392b;stroke-width:2;fill:none}.mark{stroke:#7a5aa6}.grid{stroke:#dddddd}.line{stroke:#8899aa;fill:none}
    .replaced{stroke:#c0392b;stroke-dasharray:3 2;fill:none}.small{fill:#666666;font-size:10px}
    .name{fill:#ffffff;font-size:9px}.reason{fill:#c0392b;font-size:10px}
    </style>
    """

  // MARK: Time

  private func x(_ time: Int) -> Int {
    // Hundredths of a pixel. Both differences are less than 2^60.
    let share = Double(time - model.time.start) / Double(max(1, model.time.length))
    return Int((min(max(share, 0), 1) * Double(Self.plot * 100)).rounded()) + Self.left * 100
  }

  /// Hundredths as a decimal number.
  private static func decimal(_ hundredths: Int) -> String {
    let fraction = hundredths % 100
    if fraction == 0 { return "\(hundredths / 100)" }
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }

  private func axis(to bottom: Int) -> [String] {
    let step = Self.step(for: model.time.length)
    return stride(from: 0, through: model.time.length, by: step).map { offset in
      let x = Self.decimal(x(model.time.start + offset))
      return "<line class=\"grid\" x1=\"\(x)\" y1=\"\(Self.top - 8)\" x2=\"\(x)\" y2=\"\(bottom)\"/>"
        + "<text class=\"small\" x=\"\(x)\" y=\"\(Self.top - 14)\" text-anchor=\"middle\">\(Self.time(offset))</text>"
    }
  }

  /// 1, 2 or 5 times a power of ten, so that there are at most ten steps.
  static func step(for length: Int) -> Int {
    var power = 1
    while true {
      for factor in [1, 2, 5] where length / (power * factor) <= 10 { return power * factor }
      power *= 10
    }
  }

  /// "0", "20 ms", "1.5 s".
  static func time(_ nanoseconds: Int) -> String {
    if nanoseconds == 0 { return "0" }
    let (unit, name) =
      nanoseconds >= 1_000_000_000
      ? (1_000_000_000, "s")
      : nanoseconds >= 1_000_000 ? (1_000_000, "ms") : nanoseconds >= 1000 ? (1000, "µs") : (1, "ns")
    let tenths = nanoseconds % unit * 10 / unit
    return "\(nanoseconds / unit)\(tenths == 0 ? "" : ".\(tenths)") \(name)"
  }

  // MARK: Lanes

  private static func y(_ lane: Int) -> Int { top + lane * laneHeight }

  private func label(_ lane: [Int], _ number: Int) -> [String] {
    let processes = lane.map { model.processes[$0] }
    let pids = processes.map { String($0.pid) }.joined(separator: " → ")
    let y = Self.y(number)
    return [
      "<text x=\"8\" y=\"\(y + 11)\">\(Self.escaped(processes[0].name, 28))</text>"
        + "<text class=\"small\" x=\"8\" y=\"\(y + 22)\">pid \(Self.escaped(pids, 30))</text>"
    ]
  }

  /// From a parent's lane to where its child begins, or from the end of a process to the one that took its place.
  private func connector(to index: Int, _ laneOf: [Int: Int]) -> [String] {
    let process = model.processes[index]
    guard let lane = laneOf[index] else { return [] }
    let x = Self.decimal(x(process.life.start))
    if let old = process.replaces, laneOf[old] == lane {
      let (y, end) = (Self.y(lane) + Self.barHeight / 2, Self.decimal(self.x(model.processes[old].life.end)))
      return ["<line class=\"replaced\" x1=\"\(end)\" y1=\"\(y)\" x2=\"\(x)\" y2=\"\(y)\"/>"]
    }
    guard let parent = process.parent, let above = laneOf[parent], above != lane else { return [] }
    return [
      "<line class=\"line\" x1=\"\(x)\" y1=\"\(Self.y(above) + Self.barHeight)\" x2=\"\(x)\" y2=\"\(Self.y(lane))\"/>"
    ]
  }

  private func bars(of process: TracedProcess, _ lane: Int) -> [String] {
    let title = "\(TraceSummary.title(process)): \(Self.time(process.life.length))"
    var lines = [
      bar(
        process.ending.isFailure ? "failed" : "process", process.life, y: Self.y(lane), height: Self.barHeight,
        title + (TraceSummary.ending(process).map { ", \($0)" } ?? ""))
    ]
    // What is too narrow to be seen, and lies where another one does, is not worth a line.
    var drawnUntil: [String: Int] = [:]
    // Waits lie below what goes on meanwhile.
    let waits = process.spans.filter { $0.category == "wait" }
    let others = process.spans.filter { $0.category != "wait" }
    for (number, spans) in [waits, others].enumerated() {
      for span in spans {
        let kind = Self.kind(of: span)
        let place = "\(kind) \(span.thread) \(span.depth)"
        let end = x(span.time.end)
        if end - (drawnUntil[place] ?? Int.min / 2) < 50 { continue }
        drawnUntil[place] = end
        if lines.count >= Self.mostBars * (number + 1) { break }
        lines += drawn(span, kind, lane)
      }
    }
    return lines
  }

  private func drawn(_ span: TracedSpan, _ kind: String, _ lane: Int) -> [String] {
    let (y, height) = (Self.y(lane) + Self.offset(of: kind, span.depth), Self.height(of: kind, span.depth))
    let bar = bar(kind, span.time, y: y, height: height, "\(span.name): \(Self.time(span.time.length))")
    guard height == Self.taskHeight else { return [bar] }
    return [bar] + caption(span.name, "name", at: x(span.time.start) + 200, until: x(span.time.end), y: y + 8)
  }

  private static func kind(of span: TracedSpan) -> String {
    switch span.category {
    case "wait", "task": span.category
    case "process": "start"
    default: "user"
    }
  }

  /// The outermost span of a thread has room for its name, and those inside of it lie below.
  private static func offset(of kind: String, _ depth: Int) -> Int {
    kind == "wait" || kind == "start" || depth == 0 ? 2 : 3 + taskHeight
  }

  private static func height(of kind: String, _ depth: Int) -> Int {
    switch kind {
    case "wait": barHeight - 4
    case "start": nestedHeight
    default: depth == 0 ? taskHeight : nestedHeight
    }
  }

  /// As much of a text as there is room for; nothing where that is not worth reading. In hundredths of a pixel, but for `y`.
  private func caption(_ text: String, _ kind: String, at start: Int, until end: Int, y: Int) -> [String] {
    let count = (end - start) / 550
    let text = TraceSummary.line(text)
    guard count >= min(8, text.unicodeScalars.count), count > 0 else { return [] }
    return ["<text class=\"\(kind)\" x=\"\(Self.decimal(start))\" y=\"\(y)\">\(Self.escaped(text, count))</text>"]
  }

  private func bar(_ kind: String, _ time: TraceInterval, y: Int, height: Int, _ title: String) -> String {
    let start = x(time.start)
    // At least half a pixel, to be seen.
    let width = max(50, x(time.end) - start)
    return "<rect class=\"\(kind)\" x=\"\(Self.decimal(start))\" y=\"\(y)\" width=\"\(Self.decimal(width))\" "
      + "height=\"\(height)\"><title>\(Self.escaped(title, 300))</title></rect>"
  }

  /// - Parameter next: when the lane is another process'.
  private func ending(of process: TracedProcess, _ lane: Int, until next: Int) -> [String] {
    var lines: [String] = []
    let y = Self.y(lane)
    for mark in process.marks.prefix(Self.mostBars) where mark.category == "user" || mark.category == "error" {
      let x = Self.decimal(x(mark.time))
      lines.append(
        "<line class=\"\(mark.category == "user" ? "mark" : "error")\" x1=\"\(x)\" y1=\"\(y - 3)\" x2=\"\(x)\" "
          + "y2=\"\(y + Self.barHeight)\"><title>\(Self.escaped(mark.name, 300))</title></line>")
    }
    guard process.ending.isFailure else { return lines }
    // A cross where it ended, and beside it why.
    let (end, middle) = (x(process.life.end), y + Self.barHeight / 2)
    let (before, after) = (Self.decimal(end - 500), Self.decimal(end + 500))
    let reason = TraceSummary.ending(process) ?? ""
    lines.append(
      "<path class=\"error\" d=\"M\(before) \(middle - 5)L\(after) \(middle + 5)M\(before) \(middle + 5)"
        + "L\(after) \(middle - 5)\"><title>\(Self.escaped(reason, 300))</title></path>")
    return lines + caption(reason, "reason", at: end + 800, until: x(next), y: middle - 2)
  }

  private func legend(at y: Int) -> [String] {
    let entries = [
      ("process", "process"), ("failed", "failed process"), ("wait", "waiting"), ("task", "task"),
      ("user", "marked by the program"),
      ("start", "starting a child"),
    ]
    var line = ""
    var x = Self.left
    for (kind, text) in entries {
      line += "<rect class=\"\(kind)\" x=\"\(x)\" y=\"\(y - 8)\" width=\"10\" height=\"8\"/>"
      line += "<text class=\"small\" x=\"\(x + 14)\" y=\"\(y)\">\(text)</text>"
      x += 32 + text.utf8.count * 6
    }
    return [line]
  }

  // MARK: Text

  /// The first characters, as XML has them.
  static func escaped(_ text: String, _ limit: Int) -> String {
    var escaped = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
      if index == limit { return escaped + "…" }
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      // Characters that no XML may hold, and those that would break lines.
      case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
