import CMultiprocessing

/// Finds the human sentence in the last lines of a crashed program's standard error.
enum CrashMessage {
  /// The runtime writes its message by one call, so what the last call wrote is looked at by itself first: it keeps a message
  /// of several lines whole, and the program's own earlier output out. Should another thread have written in between, the
  /// last line that looks like a message counts.
  static func extract(fromTail tail: [UInt8], lastWriteLength: Int) -> String? {
    let text = String(decoding: tail, as: UTF8.self)
    var last = trimmed(String(decoding: tail.suffix(lastWriteLength), as: UTF8.self))
    if lastWriteLength >= Int(MP_CRASH_MESSAGE_LIMIT) { last = withEllipsis(last) }
    // This one comes after a sentence that says more, and a backtrace.
    if last == "Fatal access conflict detected.", let conflict = lastLine(of: text, where: isAccessConflict) {
      return conflict
    }
    return sentence(in: last) ?? lastLine(of: text) { sentence(in: $0) != nil }.flatMap(sentence)
      ?? uncaughtForeignException(in: text)
  }

  /// What `text` says, if it begins as a message does.
  private static func sentence(in text: String) -> String? {
    assertionText(in: text) ?? castFailure(in: text) ?? foreignAssertion(in: text)
      ?? (text == "Fatal access conflict detected." ? text : nil)
  }

  /// "Swift/Array.swift:12: Fatal error: Index out of range", with or without the place, and the text optional.
  private static func assertionText(in text: String) -> String? {
    let body = withoutLocation(text)
    for kind in ["Fatal error", "Precondition failed", "Assertion failed"] where body.hasPrefix(kind) {
      let rest = body.dropFirst(kind.count)
      if rest.isEmpty || rest == ":" { return kind }
      guard rest.hasPrefix(": ") else { continue }
      // "Fatal error" adds nothing to what comes after it, the other two do.
      return kind == "Fatal error" ? String(rest.dropFirst(2)) : String(body)
    }
    return nil
  }

  /// "Could not cast value of type 'Swift.String' (0x7f7d) to 'Swift.Int' (0x7f80).", without the addresses of the types.
  private static func castFailure(in text: String) -> String? {
    guard text.hasPrefix("Could not cast value of type ") else { return nil }
    var result = ""
    var rest = text[...]
    while let open = rest.firstRange(of: " (0x"), let close = rest[open.upperBound...].firstIndex(of: ")") {
      let digits = rest[open.upperBound..<close]
      result += digits.allSatisfy(\.isHexDigit) ? rest[..<open.lowerBound] : rest[...close]
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }

  /// C's "program: file.c:18: function: Assertion `x == 1' failed."
  private static func foreignAssertion(in text: String) -> String? {
    guard text.hasSuffix("' failed."), let start = text.firstRange(of: ": Assertion `") else { return nil }
    return String(text[start.lowerBound...].dropFirst(2))
  }

  /// C++'s "terminate called after throwing …", which comes in pieces and on two lines.
  private static func uncaughtForeignException(in text: String) -> String? {
    guard let start = text.ranges(of: "terminate called ").last else { return nil }
    return trimmed(String(text[start.lowerBound...]))
      .split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: ", ")
  }

  private static func isAccessConflict(_ line: String) -> Bool {
    line.hasPrefix("Simultaneous accesses to ")
  }

  private static func lastLine(of text: String, where matches: (String) -> Bool) -> String? {
    text.split(separator: "\n").map(String.init).last(where: matches)
  }

  /// Drops "file.swift:12: ", if the text begins with something of that shape.
  private static func withoutLocation(_ text: String) -> Substring {
    guard let mark = text.firstRange(of: ": ") else { return text[...] }
    let place = text[..<mark.lowerBound]
    guard let colon = place.lastIndex(of: ":"), !place.contains("\n") else { return text[...] }
    let line = place[place.index(after: colon)...]
    return line.isEmpty || !line.allSatisfy(\.isWholeNumber) ? text[...] : text[mark.upperBound...]
  }

  private static func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.last?.isNewline == true { text.removeLast() }
    return String(text)
  }

  /// A message longer than the room for it lost its end, perhaps in the middle of a character.
  private static func withEllipsis(_ text: String) -> String {
    var text = text[...]
    while text.last == "\u{FFFD}" { text.removeLast() }
    return text + "…"
  }
}
