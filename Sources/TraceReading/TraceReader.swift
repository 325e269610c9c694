/// Takes the bytes of a trace, in pieces as they come, and finds the events in them. What is torn, cut off or not an event is counted
/// and passed over: no input is refused, and none does harm.
package struct TraceReader: Sendable {
  package private(set) var records: [TraceRecord] = []
  /// Lines that are no event.
  package private(set) var unreadable = 0
  /// Events beyond those that are kept.
  package private(set) var omitted = 0

  private var line: [UInt8] = []
  private var isTooLong = false
  private let limit: Int

  /// What an event of any writer might take; ours take 4,000 bytes.
  private static let longestLine = 64 << 10

  /// - Parameter limit: the most events that are kept.
  package init(limit: Int = 2_000_000) { self.limit = limit }

  package init(_ text: String) {
    self.init()
    feed(text.utf8)
    finish()
  }

  package mutating func feed(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        finish()
      } else if line.count < Self.longestLine {
        line.append(byte)
      } else {
        isTooLong = true
      }
    }
  }

  /// The last line may lack its end.
  package mutating func finish() {
    defer {
      line.removeAll(keepingCapacity: true)
      isTooLong = false
    }
    if isTooLong {
      unreadable += 1
      return
    }
    let event = Self.trimmed(line[...])
    // The array's brackets, of which the closing one may be missing.
    guard !event.isEmpty, !event.elementsEqual("[".utf8), !event.elementsEqual("]".utf8) else { return }
    guard let record = TraceJSON(event).flatMap(TraceRecord.init) else {
      unreadable += 1
      return
    }
    if records.count < limit { records.append(record) } else { omitted += 1 }
  }

  /// Without space, the comma between events, and a bracket that shares the line.
  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let space: [UInt8] = [0x20, 0x09, 0x0D]
    var line = line.drop { space.contains($0) }
    if line.first == UInt8(ascii: "["), line.count > 1 { line = line.dropFirst().drop { space.contains($0) } }
    while let last = line.last, space.contains(last) || last == UInt8(ascii: ",") { line = line.dropLast() }
    if line.last == UInt8(ascii: "]"), line.count > 1 { line = line.dropLast() }
    return line
  }
}
