import TraceReading
import XCTest

/// No input makes the reader of traces, the model or the picture trap, and none takes more time or memory than its length
/// bounds.
final class TraceFuzzTests: FuzzTestCase {
  override class var subject: String { "trace" }
  private var events = 0

  private func attempt(_ input: [UInt8], _ origin: String) {
    var reader = TraceReader()
    // In pieces, as a file is read.
    for start in stride(from: 0, to: input.count, by: 1000) {
      reader.feed(input[start..<min(start + 1000, input.count)])
    }
    reader.finish()
    events += reader.records.count
    let model = TraceModel(reader.records)
    for process in model.processes {
      XCTAssertLessThanOrEqual(process.life.start, process.life.end, origin)
      XCTAssertGreaterThanOrEqual(process.busy, 0, origin)
    }
    XCTAssertEqual(model.lanes.joined().sorted(), Array(model.processes.indices), origin)
    let (text, svg) = (TraceSummary(model).text, TraceDrawing(model).svg)
    XCTAssertTrue(text.hasSuffix("\n") && svg.hasSuffix("</svg>\n"), origin)
    XCTAssertLessThan(svg.utf8.count, 20_000 + 4000 * reader.records.count, origin)
  }

  func testTheCorpus() throws {
    let corpus = try FuzzCorpus.entries("trace")
    XCTAssertGreaterThan(corpus.count, 8)
    for entry in corpus { attempt(entry.bytes, entry.name) }
    XCTAssertGreaterThan(events, 20)
  }

  func testEveryBeginningOfTheCorpus() throws {
    for entry in try FuzzCorpus.entries("trace") where entry.bytes.count < 5000 {
      for length in stride(from: 0, to: entry.bytes.count, by: 7) {
        attempt(Array(entry.bytes[..<length]), "\(length) bytes of \(entry.name)")
      }
    }
  }

  private func run(_ input: (inout FuzzSource) -> [UInt8]) throws {
    try repeatedly { source in
      let bytes = input(&source)
      try note(bytes)
      attempt(bytes, "a random input")
    }
    XCTAssertGreaterThan(events, 20)
  }

  func testMutatedInputs() throws {
    let corpus = try FuzzCorpus.entries("trace").map(\.bytes).filter { $0.count < 5000 }
    try run { source in source.mutated(corpus[source.number(below: corpus.count)], with: corpus) }
  }

  /// Events that are each right, and together make no sense.
  func testGeneratedInputs() throws {
    try run { source in
      let lines = (0...source.number(below: 60)).map { _ in Self.event(&source) }
      let bytes = Array(lines.joined(separator: "\n").utf8)
      return source.chance(4) ? source.mutated(bytes, with: [bytes]) : bytes
    }
  }

  private static func event(_ source: inout FuzzSource) -> String {
    func pick<Value>(_ values: [Value]) -> Value { values[source.number(below: values.count)] }
    let numbers = ["0", "1", "2", "3", "-1", "1e15", "999999999999999.999", "9007199254740993", "0.001", "1e-300"]
    let names = ["", "a", "b", "process_name", "ended by SIGKILL: x", ":", "ended by", "\\u0000", "\\ud83e", "<&>"]
    return """
      {"name":"\(pick(names))","cat":"\(pick(["process", "end", "crash", "replace", "wait", "task", "user", "error", ""]))",\
      "ph":"\(pick(["B", "E", "X", "b", "e", "i", "M"]))","pid":\(pick(["1", "2", "3", "-4"])),"tid":\(pick(numbers)),\
      "ts":\(pick(numbers)),"dur":\(pick(numbers)),"id2":{"local":"\(pick(["1", "2"]))"},"args":{"child":\(pick(numbers)),\
      "parent":\(pick(numbers)),"old":\(pick(["1", "2", "3"])),"new":\(pick(["1", "2", "3"])),"name":"\(pick(names))",\
      "\(pick(["code", "signal", "nothing"]))":\(pick(numbers)),"message":"\(pick(names))"}},
      """
  }
}
