import Foundation
import Multiprocessing
import XCTest

/// What programs' errors say, and that they cross.
final class ProgramErrorTests: XCTestCase {
  private let errors: [(PopenError, String)] = [
    (.notFound("lss"), "lss"), (.permissionDenied("/tmp (a directory)"), "/tmp (a directory)"),
    (.invalidArgument("an argument holds a NUL"), "an argument holds a NUL"),
    (.outputLimitExceeded(17), "17 bytes"), (.closed, "close()"), (.system(errno: EMFILE), "Too many open files"),
    (.system(errno: EPIPE), "reads its input no more"),
  ]

  func testSentences() throws {
    for (error, part) in errors {
      XCTAssert("\(error)".contains(part), "\(error)")
      XCTAssert("\(error)".hasSuffix("."), "\(error)")
    }
  }

  func testTheyCross() throws {
    var all = errors.map(\.0)
    let completed = try Popen.run(["/bin/sh", "-c", "echo a; echo b >&2; exit 3"])
    all.append(.failed(completed))
    for error in all {
      let copy = try JSONDecoder().decode(PopenError.self, from: JSONEncoder().encode(error))
      XCTAssertEqual(copy, error)
      let process = Multiprocessing.Process(target: { () throws -> Int in throw error })
      try process.start()
      XCTAssertThrowsError(try process.result()) { XCTAssertEqual($0 as? PopenError, error) }
    }
    let timeout = TimeoutError(operation: "x", timeout: .seconds(1), partialOutput: [1], partialError: [2, 3])
    XCTAssertEqual(try JSONDecoder().decode(TimeoutError.self, from: JSONEncoder().encode(timeout)), timeout)
  }

  func testAProgramMayBeRunInAChild() throws {
    let text = try Multiprocessing.Process.run { try Popen.run(["echo", "from a program of a child's"]).outputText }
    XCTAssertEqual(text, "from a program of a child's\n")
  }

  func testAnAsyncChildMayRunPrograms() throws {
    let texts = try Multiprocessing.Process.run(timeout: .seconds(100)) { () async throws -> [String] in
      try await withThrowingTaskGroup(of: String.self) { group in
        for number in 0..<5 { group.addTask { try await Popen.run(["echo", "\(number)"]).outputText } }
        return try await group.reduce(into: []) { $0.append($1) }.sorted()
      }
    }
    XCTAssertEqual(texts, (0..<5).map { "\($0)\n" })
  }
}
