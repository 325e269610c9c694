import XCTest

@testable import Multiprocessing

/// Encoding and decoding by a closure.
extension XCTestCase {
  func decode(
    _ encoded: [UInt8], file: StaticString = #filePath, line: UInt = #line,
    _ body: @escaping WireDecodes.Body
  ) {
    XCTAssertNoThrow(
      try Wire.decode(WireDecodes.self, from: encoded, userInfo: [WireDecodes.key: body]), file: file,
      line: line)
  }

  func encode(_ body: @escaping (any Encoder) throws -> Void) throws -> [UInt8] {
    try Wire.encode(WireEncodes(body))
  }
}
