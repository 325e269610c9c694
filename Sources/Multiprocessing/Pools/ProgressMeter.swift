/// A progress bar as text: a pure function of what it is told and when.
struct ProgressMeter {
  /// How far something is, at a time in nanoseconds on any clock that goes forward.
  struct Moment {
    var done: Int
    /// nil: nobody knows.
    var total: Int?
    /// nil: nobody counts them.
    var failures: Int?
    var time: UInt64

    var isEnd: Bool { total.map { done >= $0 } ?? false }
  }

  /// Where the text goes.
  enum Screen: Equatable {
    /// A terminal: one line, drawn over and over.
    case terminal(columns: Int)
    /// Anything else: a line now and then.
    case plain
  }

  /// Nanoseconds between two drawings.
  static let terminalPause: UInt64 = 100_000_000
  static let plainPause: UInt64 = 10_000_000_000

  private let label: String
  private var beginning: Moment?
  private var lastDrawn: UInt64?
  private var last: Moment?
  /// Whether what a terminal shows is a line without its end.
  private var isLineOpen = false

  init(label: String) {
    // One line, whatever the label is.
    self.label = String(label.map { $0.isNewline || $0.asciiValue.map { $0 < 32 || $0 == 127 } ?? false ? " " : $0 })
  }

  /// The text to write; nil when nothing is due.
  mutating func update(_ moment: Moment, on screen: Screen) -> String? {
    // Fewer than before: something else has begun.
    var head = ""
    if let last, moment.done < last.done || last.isEnd {
      (beginning, lastDrawn) = (nil, nil)
      if isLineOpen { head = "\n" }
      isLineOpen = false
    }
    if beginning == nil {
      // What was done ahead of the first look took no time that anybody knows of.
      beginning = moment
      if case .plain = screen { lastDrawn = moment.time }
    }
    last = moment
    guard moment.isEnd || isDue(at: moment.time, on: screen) else { return nil }
    lastDrawn = moment.time
    switch screen {
    case .terminal(let columns):
      isLineOpen = !moment.isEnd
      return head + "\r" + line(moment, columns: columns - 1) + "\u{1B}[K" + (moment.isEnd ? "\n" : "")
    case .plain: return head + line(moment, columns: nil) + "\n"
    }
  }

  /// The text that ends what is shown where nothing more comes, because something has failed; nil when there is nothing to end.
  mutating func end(on screen: Screen) -> String? {
    guard isLineOpen, let last else { return nil }
    isLineOpen = false
    guard case .terminal(let columns) = screen else { return "\n" }
    // What came since it was drawn last belongs to it.
    return "\r" + line(last, columns: columns - 1) + "\u{1B}[K\n"
  }

  private func isDue(at time: UInt64, on screen: Screen) -> Bool {
    guard let lastDrawn else { return true }
    return time >= lastDrawn &+ (screen == .plain ? Self.plainPause : Self.terminalPause)
  }

  // MARK: Words

  private func line(_ moment: Moment, columns: Int?) -> String {
    let head = label.isEmpty ? "" : label + ": "
    var tail: [String] = []
    let elapsed = moment.time &- (beginning?.time ?? moment.time)
    let rate = rate(at: moment, elapsed)
    if let rate { tail.append(Self.words(rate: rate)) }
    if moment.isEnd || moment.total == nil {
      tail.append(Self.words(time: elapsed))
    } else if let rate, let total = moment.total {
      tail.append("\(Self.words(time: UInt64(clamping: Int64(Double(total - moment.done) / rate * 1e9)))) left")
    }
    if let failures = moment.failures, failures > 0 { tail.append("\(failures) failed") }
    let end = tail.isEmpty ? "" : ", " + tail.joined(separator: ", ")
    guard let total = moment.total else { return Self.cut(head + "\(moment.done)" + end, columns) }
    let count = "\(moment.done)/\(total)"
    let part = total == 0 ? 1 : min(1, max(0, Double(moment.done) / Double(total)))
    let percent = "\(Int(part * 100))%"
    guard let columns else { return head + percent + " " + count + end }
    // The bar takes what the words leave, if that is enough to see something.
    let room = columns - (head + percent + " [] " + count + end).screenWidth
    guard room >= 5 else { return Self.cut(head + percent + " " + count + end, columns) }
    let filled = Int(part * Double(min(room, 40)))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: min(room, 40) - filled)
    return head + percent + " [" + bar + "] " + count + end
  }

  /// In items a second; nil before anybody can tell.
  private func rate(at moment: Moment, _ elapsed: UInt64) -> Double? {
    guard let beginning, moment.done > beginning.done, elapsed > 0 else { return nil }
    return Double(moment.done - beginning.done) / (Double(elapsed) / 1e9)
  }

  private static func cut(_ text: String, _ columns: Int?) -> String {
    columns.map { String(text.prefix(columns: max(0, $0))) } ?? text
  }

  /// "0.25/s", "3.4/s", "120/s", "1200000/s".
  static func words(rate: Double) -> String {
    guard rate < 1e15 else { return "very fast" }
    if rate >= 10 { return "\(Int(rate.rounded()))/s" }
    let hundredths = Int((rate * (rate >= 1 ? 10 : 100)).rounded())
    if rate >= 1 { return "\(hundredths / 10).\(hundredths % 10)/s" }
    return "0.\(hundredths < 10 ? "0" : "")\(min(hundredths, 99))/s"
  }

  /// "7 s", "2:05", "1:00:09".
  static func words(time nanoseconds: UInt64) -> String {
    let seconds = nanoseconds / 1_000_000_000
    func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    if seconds < 60 { return "\(seconds) s" }
    if seconds < 3600 { return "\(seconds / 60):\(two(seconds % 60))" }
    return "\(seconds / 3600):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
  }
}
