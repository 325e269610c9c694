/// One event of a trace, as far as it makes sense.
package struct TraceRecord: Equatable, Sendable {
  package enum Phase: String, Sendable {
    case begin = "B"
    case end = "E"
    case complete = "X"
    case asyncBegin = "b"
    case asyncEnd = "e"
    case instant = "i"
    case metadata = "M"
  }

  package var name: String
  package var category: String
  package var phase: Phase
  package var process: Int
  package var thread: Int
  /// Nanoseconds.
  package var time: Int
  package var duration: Int
  package var id: String?
  package var arguments: TraceJSON

  /// Some thirty years: sums of two times are still numbers.
  private static let latest = 1e18

  /// nil for what is no event of this format.
  package init?(_ json: TraceJSON) {
    guard let phase = json["ph"]?.text.flatMap(Phase.init), let process = json["pid"]?.whole,
      let time = Self.nanoseconds(json["ts"])
    else { return nil }
    self.phase = phase
    self.process = process
    self.time = time
    name = json["name"]?.text ?? ""
    category = json["cat"]?.text ?? ""
    thread = json["tid"]?.whole ?? process
    duration = 0
    if let length = json["dur"] {
      guard let nanoseconds = Self.nanoseconds(length) else { return nil }
      duration = nanoseconds
    }
    id = json["id2"]?["local"]?.text ?? json["id"]?.text
    arguments = json["args"] ?? .null
  }

  private static func nanoseconds(_ json: TraceJSON?) -> Int? {
    guard let microseconds = json?.number, microseconds >= 0 else { return nil }
    let nanoseconds = (microseconds * 1000).rounded()
    return nanoseconds <= latest ? Int(nanoseconds) : nil
  }

  package var end: Int { time + duration }
}
