import Foundation
import Glibc
import TestSupport
import XCTest

import class Multiprocessing.Connection
import class Multiprocessing.Process
import class Multiprocessing.ProcessBase

@testable import Multiprocessing

/// Connections on their way into a child.
final class ConnectionArgumentTests: AuditedTestCase {
  private struct Desk: Codable, Sendable {
    var name: String
    var line: Connection
    var spare: Connection?
  }

  func testAloneInArraysAndInStructs() throws {
    let (ours, theirs) = try Connection.pair()
    let child = Multiprocessing.Process(
      target: { (alone: Connection, several: [Connection], desk: Desk) in
        // The very object, wherever it stands.
        try alone.send(alone === theirs && several.map { $0 === theirs } == [true, true] && desk.line === theirs)
        try desk.line.send(desk.name)
      }, args: (theirs, [theirs, theirs], Desk(name: "reception", line: theirs, spare: nil)))
    try child.start()
    theirs.close()
    XCTAssertTrue(try ours.receive(Bool.self))
    XCTAssertEqual(try ours.receive(String.self), "reception")
    try child.join()
    XCTAssertEqual(child.exitCode, 0)
  }

  private final class Clerk: ProcessBase {
    let line: Connection
    init(_ line: Connection) {
      self.line = line
      super.init()
    }
    override func run() throws { try line.send(try line.receive(Int.self) + 1) }
  }

  func testAsAStoredProperty() throws {
    let (ours, theirs) = try Connection.pair()
    let clerk = Clerk(theirs)
    try clerk.start()
    theirs.close()
    try ours.send(1)
    XCTAssertEqual(try ours.receive(Int.self), 2)
    try clerk.join()
  }

  func testAClosedOneIsNoArgument() throws {
    let (first, _) = try Connection.pair()
    first.close()
    let child = Multiprocessing.Process(target: { (_: Connection) in }, args: (first))
    guard case .unsupportedArgument = thrown(ProcessError.self, by: { try child.start() }) else {
      return XCTFail("another error")
    }
  }

  func testOtherCodersRefuse() throws {
    let (first, _) = try Connection.pair()
    XCTAssertThrowsError(try JSONEncoder().encode([first])) { error in
      guard case EncodingError.invalidValue(_, let context) = error else { return XCTFail("\(error)") }
      XCTAssertTrue(context.debugDescription.contains("Connection"), context.debugDescription)
    }
    let json = Data(#"[{"descriptor": 0, "number": 1, "direction": 0}]"#.utf8)
    XCTAssertThrowsError(try JSONDecoder().decode([Connection].self, from: json)) {
      XCTAssertTrue($0 is DecodingError, "\($0)")
    }
  }

  func testAConnectionIsNoResult() throws {
    let child = Multiprocessing.Process(target: { try Connection.pair().0 })
    try child.start()
    XCTAssertThrowsError(try child.result()) { error in
      guard case ProcessError.thrown(let remote) = error else { return XCTFail("\(error)") }
      XCTAssertTrue(remote.message.contains("pass it as an argument of a process"), remote.message)
    }
    try child.join()
  }

  func testErrorsAreCodableSentences() throws {
    let all: [ConnectionError] = [
      .peerClosed, .closed, .notReadable, .notWritable, .corruptMessage("a reason"), .messageTooLong(5),
      .authenticationFailed, .system(errno: EMFILE),
    ]
    for error in all {
      XCTAssertEqual(try Wire.decode(ConnectionError.self, from: Wire.encode(error)), error)
      XCTAssertTrue("\(error)".hasSuffix("."), "\(error)")
      let child = Multiprocessing.Process { throw error }
      try child.start()
      XCTAssertThrowsError(try child.result()) { XCTAssertEqual($0 as? ConnectionError, error) }
    }
  }
}
