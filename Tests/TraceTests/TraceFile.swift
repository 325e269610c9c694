import Foundation
import Multiprocessing
import XCTest

/// A trace on disk, gone with its test.
final class TraceFile {
  let path = FileManager.default.temporaryDirectory.appending(path: "trace-\(UUID().uuidString).json").path

  deinit { unlink(path) }

  var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

  /// The events in the order of the file. Each line but the bracket must be valid JSON.
  func events(file: StaticString = #filePath, line: UInt = #line) throws -> [Recorded] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    XCTAssertEqual(lines.first, "[", file: file, line: line)
    return try lines.dropFirst().map { text in
      XCTAssertEqual(text.last, ",", file: file, line: line)
      let value = try JSONSerialization.jsonObject(with: Data(text.dropLast().utf8))
      return Recorded(try XCTUnwrap(value as? [String: Any], file: file, line: line))
    }
  }

  /// What `body` records.
  func recording(_ body: () throws -> Void) throws -> [Recorded] {
    try Trace.start(path: path)
    defer { Trace.stop() }
    try body()
    return try events()
  }
}

/// An event as anybody's JSON reader sees it.
struct Recorded: CustomStringConvertible {
  let name: String
  let category: String
  let phase: String
  let pid: Int32
  let thread: Int32
  let time: Double
  let duration: Double?
  let id: String?
  let arguments: [String: Any]

  init(_ json: [String: Any]) {
    name = json["name"] as? String ?? ""
    category = json["cat"] as? String ?? "?"
    phase = json["ph"] as? String ?? "?"
    pid = Int32(json["pid"] as? Int ?? -1)
    thread = Int32(json["tid"] as? Int ?? -1)
    time = json["ts"] as? Double ?? -1
    duration = json["dur"] as? Double
    id = (json["id2"] as? [String: String])?["local"]
    arguments = json["args"] as? [String: Any] ?? [:]
  }

  /// "B wait lock".
  var description: String { "\(phase) \(category)" + (name.isEmpty ? "" : " \(name)") }
}
