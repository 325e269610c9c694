import Multiprocessing
import TestSupport
import XCTest

/// The trace of what tasks do.
final class TraceTaskTests: TaskTestCase {
  private let file = TraceFile()

  func testAsyncWaitsAndSpans() async throws {
    let (reader, writer) = try Connection.pair()
    defer { writer.close() }
    let child = Process {}
    try Trace.start(path: file.path)
    defer { Trace.stop() }
    try child.start()
    try await Trace.span("waiting for a child") { _ = try await child.join() }
    do {
      _ = try await reader.receiveBytes(timeout: .milliseconds(1))
      XCTFail("nobody has sent anything")
    } catch is TimeoutError {}
    let events = try file.events().filter { $0.id != nil }
    let message = events.filter { $0.name == "a message" }
    XCTAssertEqual(message.map(\.phase), ["b", "e"])
    for (_, pair) in Dictionary(grouping: events, by: \.id) { XCTAssertEqual(pair.map(\.phase), ["b", "e"]) }
    XCTAssertEqual(events.filter { $0.name == "waiting for a child" }.map(\.category), ["user", "user"])
  }
}
