import XCTest

@testable import TraceReading

/// What is made of a trace, without any process.
final class TraceModelTests: XCTestCase {
  /// A parent with two workers, of which one crashes and is replaced, and another child that is killed.
  static let story = """
    [
    {"name":"process_name","cat":"process","ph":"M","pid":1,"tid":1,"ts":0,"args":{"name":"MainProcess"}},
    {"name":"MainProcess","cat":"process","ph":"B","pid":1,"tid":1,"ts":0},
    {"name":"worker-1","cat":"process","ph":"B","pid":2,"tid":2,"ts":1500.5,"args":{"parent":1}},
    {"name":"start worker-1","cat":"process","ph":"X","pid":1,"tid":1,"ts":1000,"dur":600,"args":{"child":2,"name":"worker-1"}},
    {"name":"start worker-2","cat":"process","ph":"X","pid":1,"tid":1,"ts":2000,"dur":500,"args":{"child":3,"name":"worker-2"}},
    {"name":"worker-2","cat":"process","ph":"B","pid":3,"tid":3,"ts":2400,"args":{"parent":1}},
    {"name":"task 1","cat":"task","ph":"B","pid":2,"tid":2,"ts":2000},
    {"cat":"task","ph":"E","pid":2,"tid":2,"ts":6000},
    {"name":"an element of a queue","cat":"wait","ph":"B","pid":2,"tid":2,"ts":6000},
    {"cat":"wait","ph":"E","pid":2,"tid":2,"ts":7000},
    {"name":"task 2","cat":"task","ph":"B","pid":2,"tid":2,"ts":7000},
    {"name":"lock","cat":"wait","ph":"B","pid":2,"tid":2,"ts":7500},
    {"cat":"wait","ph":"E","pid":2,"tid":2,"ts":8000},
    {"cat":"task","ph":"E","pid":2,"tid":2,"ts":9000},
    {"name":"task <3> & \\"more\\"","cat":"task","ph":"B","pid":3,"tid":3,"ts":3000},
    {"name":"SIGILL","cat":"crash","ph":"i","s":"p","pid":3,"tid":3,"ts":5000,"args":{"signal":4}},
    {"name":"ended by SIGILL: Index out of range","cat":"end","ph":"i","s":"p","pid":3,"tid":3,"ts":5600,"args":{"name":"worker-2","signal":4,"message":"Index out of range"}},
    {"name":"start worker-2","cat":"process","ph":"X","pid":1,"tid":1,"ts":5800,"dur":400,"args":{"child":4,"name":"worker-2"}},
    {"name":"worker-2","cat":"process","ph":"B","pid":4,"tid":4,"ts":6100,"args":{"parent":1}},
    {"name":"halfway","cat":"user","ph":"i","s":"p","pid":4,"tid":4,"ts":7000},
    {"cat":"process","ph":"E","pid":4,"tid":4,"ts":9500},
    {"name":"exited with 0","cat":"end","ph":"i","s":"p","pid":4,"tid":4,"ts":9600,"args":{"name":"worker-2","code":0}},
    {"name":"wait for process 2","cat":"wait","ph":"B","pid":1,"tid":1,"ts":7000},
    {"cat":"process","ph":"E","pid":2,"tid":2,"ts":9400},
    {"cat":"wait","ph":"E","pid":1,"tid":1,"ts":9450},
    {"name":"exited with 0","cat":"end","ph":"i","s":"p","pid":2,"tid":2,"ts":9500,"args":{"name":"worker-1","code":0}},
    {"cat":"process","ph":"E","pid":1,"tid":1,"ts":10000},
    """

  private func model(_ text: String) -> TraceModel {
    let reader = TraceReader(text)
    XCTAssertEqual(reader.unreadable, 0)
    return TraceModel(reader.records)
  }

  func testTheStory() {
    let model = model(Self.story)
    XCTAssertEqual(model.processes.map(\.pid), [1, 2, 3, 4])
    XCTAssertEqual(model.processes.map(\.name), ["MainProcess", "worker-1", "worker-2", "worker-2"])
    XCTAssertEqual(model.processes.map(\.parent), [nil, 0, 0, 0])
    XCTAssertEqual(model.processes.map(\.replaces), [nil, nil, nil, 2])
    XCTAssertEqual(model.lanes, [[0], [1], [2, 3]])
    XCTAssertEqual(
      model.processes.map(\.ending),
      [.left, .exited(0), .crashed(signal: "SIGILL", message: "Index out of range"), .exited(0)])
    XCTAssertEqual(model.processes.map(\.life.start), [0, 1_000_000, 2_000_000, 5_800_000])
    XCTAssertEqual(model.processes.map(\.life.end), [10_000_000, 9_400_000, 5_000_000, 9_500_000])
    XCTAssertEqual(model.time, TraceInterval(start: 0, end: 10_000_000))
    XCTAssertEqual(model.restarts.map { [$0.old.pid, $0.new.pid] }, [[3, 4]])
    let cut = model.processes[2].spans[0]
    XCTAssertEqual(cut.time, TraceInterval(start: 3_000_000, end: 5_000_000))
    XCTAssertFalse(cut.isWhole)
    XCTAssertEqual(model.processes[1].spans.map(\.depth), [0, 0, 0, 1])
    XCTAssertEqual(model.processes[3].marks.map(\.name), ["halfway"])
  }

  func testBusyAndIdle() {
    let processes = model(Self.story).processes
    // The parent waited from 7 to 9.45; the worker had tasks from 2 to 6 and 7 to 9, and waited half of one.
    XCTAssertEqual(processes.map(\.busy), [7_550_000, 5_500_000, 2_000_000, 3_700_000])
    XCTAssertEqual(processes.map(\.idle), [2_450_000, 2_900_000, 1_000_000, 0])
  }

  func testTheSummary() {
    XCTAssertEqual(
      TraceSummary(model(Self.story)).text,
      """
      4 processes in 0.010000 seconds
        MainProcess, pid 1: busy 0.007550 seconds, idle 0.002450 seconds
        worker-1, pid 2: busy 0.005500 seconds, idle 0.002900 seconds, exited with 0
        worker-2, pid 3: busy 0.002000 seconds, idle 0.001000 seconds, crashed with SIGILL: Index out of range
        worker-2, pid 4: busy 0.003700 seconds, idle 0.000000 seconds, exited with 0
      longest tasks:
        0.004000 seconds: task 1 in worker-1, pid 2
        0.002000 seconds: task 2 in worker-1, pid 2
        0.002000 seconds: task <3> & "more" in worker-2, pid 3, cut off by the end of the process
      crashes and other failures:
        worker-2, pid 3 crashed with SIGILL: Index out of range after 0.003000 seconds
      restarts:
        worker-2, pid 3 was replaced by worker-2, pid 4, 0.000800 seconds later

      """)
    XCTAssertEqual(TraceSummary(model("[\n")).text, "no process in the trace\n")
  }

  func testALongSummaryIsCut() {
    let lines = (1...300).map {
      """
      {"name":"p","cat":"process","ph":"B","pid":\($0),"tid":\($0),"ts":\($0)},
      {"name":"ended by signal 40","cat":"end","ph":"i","pid":\($0),"tid":\($0),"ts":999,"args":{"signal":40}},
      """
    }
    let text = TraceSummary(model(lines.joined(separator: "\n"))).text
    XCTAssertTrue(text.contains("p, pid 200 ended by signal 40 after 0.000799 seconds\n  and 100 more\n"), text)
    XCTAssertFalse(text.contains("pid 201"))
  }

  func testANumberThatIsUsedAgainIsAnotherProcess() {
    let lines = (0..<3).map { number in
      let time = 1000 * number
      return """
        {"name":"start a","cat":"process","ph":"X","pid":1,"tid":1,"ts":\(time),"dur":1,"args":{"child":2,"name":"a"}},
        {"name":"a","cat":"process","ph":"B","pid":2,"tid":2,"ts":\(time + 5),"args":{"parent":1}},
        {"cat":"process","ph":"E","pid":2,"tid":2,"ts":\(time + 50)},
        {"name":"exited with 0","cat":"end","ph":"i","pid":2,"tid":2,"ts":\(time + 60),"args":{"name":"a","code":0}},
        """
    }
    let processes = model(lines.joined(separator: "\n")).processes
    XCTAssertEqual(processes.map(\.pid), [1, 2, 2, 2])
    // Who ended well leaves no place to be taken.
    XCTAssertEqual(processes.compactMap(\.replaces), [])
    XCTAssertEqual(processes.dropFirst().map(\.life.length), [50_000, 50_000, 50_000])
  }

  func testAReplacementThatIsToldCountsWhateverTheNames() {
    let processes = model(
      """
      {"name":"a","cat":"process","ph":"B","pid":2,"tid":2,"ts":1},
      {"name":"b","cat":"process","ph":"B","pid":3,"tid":3,"ts":5},
      {"name":"replaced","cat":"replace","ph":"i","pid":1,"tid":1,"ts":9,"args":{"old":2,"new":3}},
      {"name":"replaced","cat":"replace","ph":"i","pid":1,"tid":1,"ts":9,"args":{"old":3,"new":2}},
      {"name":"replaced","cat":"replace","ph":"i","pid":1,"tid":1,"ts":9,"args":{"old":3,"new":99}},
      """
    ).processes
    XCTAssertEqual(processes.map(\.replaces), [nil, 0, nil])
  }

  func testAsynchronousSpans() {
    let process = model(
      """
      {"name":"a","cat":"process","ph":"B","pid":2,"tid":2,"ts":0},
      {"name":"one","cat":"wait","ph":"b","pid":2,"tid":2,"ts":1,"id2":{"local":"1"}},
      {"name":"two","cat":"wait","ph":"b","pid":2,"tid":2,"ts":2,"id2":{"local":"2"}},
      {"name":"one","cat":"wait","ph":"e","pid":2,"tid":7,"ts":3,"id2":{"local":"1"}},
      {"name":"two","cat":"wait","ph":"e","pid":2,"tid":2,"ts":5,"id2":{"local":"2"}},
      {"name":"two","cat":"wait","ph":"e","pid":2,"tid":2,"ts":6,"id2":{"local":"2"}},
      {"cat":"process","ph":"E","pid":2,"tid":2,"ts":10},
      """
    ).processes[0]
    XCTAssertEqual(process.spans.map(\.time.length), [2000, 3000])
    XCTAssertEqual(process.waits, [TraceInterval(start: 1000, end: 5000)])
    XCTAssertEqual([process.busy, process.idle], [6000, 4000])
  }

  // MARK: Reading

  func testWhatIsNoEventIsCountedAndPassedOver() {
    let bad = [
      "{", "}", "{\"ph\":\"B\"}", "nonsense", "{\"ph\":\"B\",\"pid\":1,\"ts\":-1}", "{\"ph\":\"?\",\"pid\":1,\"ts\":1}",
      "{\"ph\":\"B\",\"pid\":1.5,\"ts\":1}", "{\"ph\":\"B\",\"pid\":1,\"ts\":1e300}",
      "{\"ph\":\"B\",\"pid\":1,\"ts\":1e999}",
      "{\"ph\":\"B\",\"pid\":1,\"ts\":01}", "{\"ph\":\"X\",\"pid\":1,\"ts\":1,\"dur\":-1}",
      "{\"name\":\"torn by a full di{\"name\":\"b\",\"ph\":\"B\",\"pid\":1,\"ts\":1}",
      String(repeating: "[", count: 100_000),
      String(repeating: "[", count: 1000), "{\"ph\":\"B\",\"pid\":99999999999999999999,\"ts\":1}", "[1,2]",
    ]
    let reader = TraceReader(Self.story + "\n" + bad.joined(separator: "\n"))
    XCTAssertEqual(reader.unreadable, bad.count)
    XCTAssertEqual(TraceModel(reader.records), model(Self.story))
  }

  func testTheBracketsAndTheLastLineMayBeAnyhow() {
    let event = #"{"name":"a","cat":"process","ph":"B","pid":2,"tid":2,"ts":1}"#
    for text in [event, "[\(event)]", "[\n\(event),\n]\n", "[\n\(event),", "\n\n \(event) ,\r\n", "[\n\(event)\n]"] {
      XCTAssertEqual(model(text).processes.map(\.pid), [2], text)
    }
  }

  func testTheMostEventsThatAreKept() {
    var reader = TraceReader(limit: 3)
    reader.feed(Self.story.utf8)
    reader.finish()
    XCTAssertEqual(reader.records.count, 3)
    XCTAssertEqual(reader.omitted, 24)
  }

  func testJSON() {
    let texts: [(String, TraceJSON?)] = [
      ("null", .null), ("true", .bool(true)), (" [ 1 , -2.5e1 ] ", .array([.number(1), .number(-25)])),
      ("{\"a\":{},\"a\":[]}", .object(["a": .array([])])), (#""\u00e9\n\/\ud83e\uddf5""#, .text("é\n/🧵")),
      (#""\ud83e!""#, .text("\u{FFFD}!")), (#""\udc00""#, .text("\u{FFFD}")), ("", nil), ("tru", nil), ("1 2", nil),
      ("\"", nil), (#""\x""#, nil), (#""\u12""#, nil), ("[1,]", nil), ("{\"a\"}", nil), ("-", nil), ("1.", nil),
      ("1e", nil),
      (".5", nil), ("+1", nil), ("\"\u{1}\"", nil), ("nan", nil),
    ]
    for (text, value) in texts { XCTAssertEqual(TraceJSON(Array(text.utf8)), value, text) }
    XCTAssertEqual(TraceJSON([0x22, 0xFF, 0x22]), .text("\u{FFFD}"))
  }
}
