import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

final class LaunchFrameTests: AuditedTestCase {
  /// Sends `bytes` through a pipe whose writer is closed then, and reads a launch record.
  private func read(_ bytes: [UInt8]) throws -> [UInt8]? {
    let (reader, writer) = try Syscall.pipe()
    defer { close(reader) }
    try bytes.withUnsafeBytes { try Syscall.writeAll(writer, $0) }
    close(writer)
    return try LaunchFrame.read(from: reader).map { payload in
      withExtendedLifetime(payload) { [UInt8]($0.bytes) }
    }
  }

  private func pack(_ record: [UInt8]) throws -> (bytes: [UInt8], isInMemory: Bool) {
    let (reader, writer) = try Syscall.pipe()
    defer {
      close(reader)
      close(writer)
    }
    let packed = try LaunchFrame.pack(record, forPipe: writer)
    return (packed.bytes, packed.inherited != nil)
  }

  func testARecordThatFitsCrossesThePipeWhole() throws {
    for length in [0, 1, 1000, 1009, 4080, 4081, 65_520] {
      let record = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let packed = try pack(record)
      XCTAssertFalse(packed.isInMemory, "\(length) bytes")
      XCTAssertEqual(try read(packed.bytes), record)
    }
  }

  func testALongerOneLiesInAMemoryFile() throws {
    let record = [UInt8](repeating: 3, count: 65_521)
    let (reader, writer) = try Syscall.pipe()
    defer {
      close(reader)
      close(writer)
    }
    let packed = try LaunchFrame.pack(record, forPipe: writer)
    // Reading takes the descriptor over, as a child does with the one it inherited.
    var bytes = packed.bytes
    let copy = dup(try XCTUnwrap(packed.inherited))
    bytes.replaceSubrange(FrameHeader.size..., with: withUnsafeBytes(of: copy.littleEndian) { Array($0) })
    XCTAssertEqual(try read(bytes), record)
  }

  func testNothingAtAllMeansThatTheStartWasGivenUp() throws {
    XCTAssertNil(try read([]))
  }

  func testATornRecordIsAnError() throws {
    let whole = try pack([1, 2, 3, 4]).bytes
    for length in 1..<whole.count {
      XCTAssertThrowsError(try read(Array(whole[..<length])), "\(length) bytes") {
        XCTAssertEqual($0 as? FrameError, .truncated)
      }
    }
  }

  func testAnythingButALaunchRecordIsAnError() throws {
    for bytes in [
      FrameHeader(.value, length: 0).bytes, FrameHeader(.launch, length: 1).bytes + [1, 2],
      [UInt8](repeating: 0, count: 16),
    ] {
      XCTAssertThrowsError(try read(bytes)) {
        guard case FrameError.corrupt = $0 else { return XCTFail("\($0)") }
      }
    }
    // A length that no pipe holds is not allocated for.
    XCTAssertThrowsError(try read(FrameHeader(.launch, length: 1 << 39).bytes))
  }
}
