/// What was to be done: an input, known by its place and what it was encoded to.
///
/// What is encoded in no fixed order, a set or a dictionary, gets another key in each run.
struct JobKey: Hashable, Sendable {
  /// The place among the inputs, from 0.
  let position: Int
  /// FNV-1a, 64 bits: the same on every machine and in every version.
  let hash: UInt64

  init(position: Int, hash: UInt64) { (self.position, self.hash) = (position, hash) }

  init(position: Int, input: UnsafeRawBufferPointer) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in input { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    self.init(position: position, hash: hash)
  }
}

/// One line of a job log: fields with tabs between them.
struct JobLogEntry: Equatable, Sendable {
  enum Outcome: Equatable, Sendable {
    case succeeded
    /// In the words of its error.
    case failed(String)
  }

  var key: JobKey
  /// The pid of the worker, or the number of its thread.
  var worker: Int
  /// Since 1970.
  var start: Duration
  var duration: Duration
  var outcome: Outcome
  /// The encoded result, for a run that goes on where this one ended.
  var result: [UInt8]?

  static let heading = "Seq\tWorker\tStarttime\tRuntime\tOutcome\tInput\tError\tResult"

  /// Without the newline.
  var line: String {
    var error = ""
    if case .failed(let text) = outcome { error = Self.oneLine(text) }
    let fields = [
      "\(key.position + 1)", "\(worker)", Self.seconds(start), Self.seconds(duration), error.isEmpty ? "ok" : "failed",
      Self.hexadecimal(key.hash), error, result.map(Base64.encode) ?? "",
    ]
    return fields.joined(separator: "\t")
  }

  /// nil for a line that is none, or is torn.
  init?(line: some StringProtocol) {
    let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
    guard fields.count == 8, let sequence = Int(fields[0]), sequence > 0, let worker = Int(fields[1]),
      let start = Self.duration(fields[2]), let duration = Self.duration(fields[3]),
      fields[5].utf8.count == 16, let hash = UInt64(fields[5], radix: 16)
    else { return nil }
    switch fields[4] {
    case "ok": outcome = .succeeded
    case "failed": outcome = .failed(String(fields[6]))
    default: return nil
    }
    if !fields[7].isEmpty {
      guard let bytes = Base64.decode(fields[7]) else { return nil }
      result = bytes
    }
    key = JobKey(position: sequence - 1, hash: hash)
    (self.worker, self.start, self.duration) = (worker, start, duration)
  }

  init(key: JobKey, worker: Int, start: Duration, duration: Duration, outcome: Outcome, result: [UInt8]? = nil) {
    (self.key, self.worker, self.start, self.duration) = (key, worker, start, duration)
    (self.outcome, self.result) = (outcome, result)
  }

  // MARK: Fields

  /// At most a screen of it; never empty.
  private static func oneLine(_ text: String) -> String {
    let line = text.prefix(500).split { $0.isNewline || $0 == "\t" }.joined(separator: " ")
    return line.isEmpty ? "error" : line
  }

  /// With three digits behind the point.
  private static func seconds(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = "\(max(0, attoseconds) / 1_000_000_000_000_000)"
    return "\(max(0, seconds))." + String(repeating: "0", count: 3 - milliseconds.count) + milliseconds
  }

  private static func duration(_ text: Substring.SubSequence) -> Duration? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].utf8.count == 3, let seconds = Int64(parts[0]), let milliseconds = Int64(parts[1]),
      seconds >= 0, milliseconds >= 0, seconds < 1 << 40
    else { return nil }
    return .seconds(seconds) + .milliseconds(milliseconds)
  }

  private static func duration(_ text: some StringProtocol) -> Duration? { duration(Substring(text)) }

  private static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// Bytes as text, as RFC 4648 has it, with padding.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      var group: UInt32 = 0
      for offset in 0..<3 { group = group << 8 | (offset < count ? UInt32(bytes[start + offset]) : 0) }
      for digit in 0..<4 {
        text.append(digit <= count ? alphabet[Int(group >> UInt32(18 - 6 * digit) & 63)] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// nil for what `encode` never gives.
  static func decode(_ text: some StringProtocol) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 4 == 0 else { return nil }
    let padding = digits.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    guard padding <= 2 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 4 * 3)
    for start in stride(from: 0, to: digits.count, by: 4) {
      var group: UInt32 = 0
      for place in start..<start + 4 {
        let isPadding = place >= digits.count - padding
        guard let value = isPadding ? 0 : value(of: digits[place]) else { return nil }
        group = group << 6 | value
      }
      bytes += [UInt8(group >> 16 & 255), UInt8(group >> 8 & 255), UInt8(group & 255)]
    }
    bytes.removeLast(min(padding, bytes.count))
    return bytes
  }

  private static func value(of digit: UInt8) -> UInt32? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
