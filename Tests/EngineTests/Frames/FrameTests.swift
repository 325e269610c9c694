import XCTest

@testable import MultiprocessingEngine

final class FrameTests: XCTestCase {
  private func parse(_ bytes: [UInt8]) throws -> FrameHeader {
    try bytes.withUnsafeBytes { try FrameHeader(parsing: $0) }
  }

  func testHeaderSurvivesTheWay() throws {
    for kind in FrameHeader.Kind.allCases {
      for storage in [FrameHeader.Storage.inline, .memoryFile] {
        let header = FrameHeader(kind, storage: storage, length: 123_456_789)
        XCTAssertEqual(header.bytes.count, FrameHeader.size)
        XCTAssertEqual(try parse(header.bytes), header)
      }
    }
  }

  func testTheLayoutStaysAsItIs() {
    let bytes = FrameHeader(.value, storage: .memoryFile, length: 0x0102).bytes
    XCTAssertEqual(bytes, [0x4D, 0x50, 0x66, 0x72, 1, 2, 1, 0, 2, 1, 0, 0, 0, 0, 0, 0])
  }

  func testEveryTruncationIsAnError() {
    let bytes = FrameHeader(.launch, length: 1).bytes
    for length in 0..<bytes.count {
      XCTAssertThrowsError(try parse(Array(bytes[..<length]))) {
        XCTAssertEqual($0 as? FrameError, .truncated)
      }
    }
  }

  func testEveryCorruptFieldIsAnError() {
    let bytes = FrameHeader(.launch, length: 1).bytes
    // One byte of the magic, the version, the kind, the storage, and the highest of the length.
    for (offset, value) in [(0, UInt8(0)), (3, 0xFF), (4, 2), (5, 0), (5, 99), (6, 2), (7, 1), (15, 0x80)] {
      var corrupt = bytes
      corrupt[offset] = value
      XCTAssertThrowsError(try parse(corrupt), "byte \(offset)") {
        guard case FrameError.corrupt = $0 else { return XCTFail("byte \(offset): \($0)") }
      }
    }
  }

  func testRecordsAreReadWithinTheirBounds() throws {
    var bytes: [UInt8] = []
    bytes.append(text: "이름")
    bytes.append(numbers: [1, -2])
    bytes.append(optional: Int64?.none) { $0.append(littleEndian: $1) }
    bytes.append(flag: true)
    for length in 0...bytes.count {
      let result = Result {
        try bytes[..<length].withUnsafeBytes { buffer in
          var reader = ByteReader(buffer)
          let text = try reader.string()
          let numbers = try reader.numbers()
          let missing = try reader.optional { try $0.int64() }
          return (text, numbers, missing, try reader.flag(), reader.isAtEnd)
        }
      }
      guard length == bytes.count else {
        XCTAssertThrowsError(try result.get(), "\(length) bytes")
        continue
      }
      let (text, numbers, missing, flag, isAtEnd) = try result.get()
      XCTAssertEqual(text, "이름")
      XCTAssertEqual(numbers, [1, -2])
      XCTAssertNil(missing)
      XCTAssertTrue(flag && isAtEnd)
    }
  }
}
