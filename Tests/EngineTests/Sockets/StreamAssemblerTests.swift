import XCTest

@testable import MultiprocessingEngine

/// Headers, and messages cut out of a stream.
final class StreamAssemblerTests: XCTestCase {
  private func message(_ kind: MessageHeader.Kind, _ payload: [UInt8]) -> [UInt8] {
    MessageHeader(kind, length: payload.count).withBytes { Array($0) } + payload
  }

  private func append(_ bytes: some Sequence<UInt8>, to assembler: inout StreamAssembler) {
    Array(bytes).withUnsafeBytes { assembler.append($0) }
  }

  private func next(_ assembler: inout StreamAssembler) throws -> [UInt8]? {
    guard let header = try assembler.header(), assembler.isComplete(header) else { return nil }
    return assembler.take(header)
  }

  func testAHeaderComesBackAsItWas() throws {
    for header in [
      MessageHeader(.value, length: 5), MessageHeader(.bytes, length: 1 << 40),
      MessageHeader(.value, storage: .memoryFile, descriptorCount: 253, serial: .max, length: 77),
      MessageHeader(.descriptor, descriptorCount: 1, serial: 1, length: 0), MessageHeader(.announcement, length: 0),
      MessageHeader(.handshake, length: 64),
    ] {
      let bytes = header.withBytes { Array($0) }
      XCTAssertEqual(bytes.count, MessageHeader.size)
      XCTAssertEqual(try bytes.withUnsafeBytes { try MessageHeader(parsing: $0) }, header)
    }
  }

  func testHeadersThatMakeNoSenseAreCorrupt() {
    let bytes = MessageHeader(.bytes, length: 4).withBytes { Array($0) }
    var wrong: [[UInt8]] = [Array(bytes.dropLast()), []]
    for (offset, value) in [(0, 0), (1, 0), (1, 9), (2, 2), (2, 1), (3, 1), (13, 2), (15, 255)] {
      var changed = bytes
      changed[offset] = UInt8(value)
      wrong.append(changed)
    }
    for bytes in wrong {
      XCTAssertThrowsError(try bytes.withUnsafeBytes { try MessageHeader(parsing: $0) }, "\(bytes)") {
        guard case SocketFailure.corrupt = $0 else { return XCTFail("\($0)") }
      }
    }
  }

  func testMessagesComeOutHoweverTheBytesCome() throws {
    let payloads = (0..<40).map { [UInt8](repeating: UInt8($0), count: $0 * $0 * 3) }
    let stream = payloads.flatMap { message(.bytes, $0) }
    for step in [1, 7, 16, 100, 5000, stream.count] {
      var assembler = StreamAssembler()
      var found: [[UInt8]] = []
      for start in stride(from: 0, to: stream.count, by: step) {
        append(stream[start..<min(start + step, stream.count)], to: &assembler)
        while let payload = try next(&assembler) { found.append(payload) }
      }
      XCTAssertEqual(found, payloads, "\(step) bytes at a time")
    }
  }

  func testADroppedMessageIsSkippedHoweverItComes() throws {
    let stream = message(.bytes, [UInt8](repeating: 1, count: 5000)) + message(.bytes, [7])
    for step in [1, 100, 5015, 5016, 5017, stream.count] {
      var assembler = StreamAssembler()
      var dropped = 0
      var found: [[UInt8]] = []
      for start in stride(from: 0, to: stream.count, by: step) {
        append(stream[start..<min(start + step, stream.count)], to: &assembler)
        while let header = try assembler.header() {
          if header.length > 10 {
            assembler.drop(header)
            dropped += 1
          } else if assembler.isComplete(header) {
            found.append(assembler.take(header))
          } else {
            break
          }
        }
      }
      XCTAssertEqual(dropped, 1)
      XCTAssertEqual(found, [[7]], "\(step) bytes at a time")
    }
  }

  func testWhatIsCorruptStaysSo() throws {
    var assembler = StreamAssembler()
    append([UInt8](repeating: 0, count: 16), to: &assembler)
    XCTAssertThrowsError(try assembler.header())
    append(message(.bytes, [1]), to: &assembler)
    XCTAssertThrowsError(try assembler.header())
  }

  func testDescriptorsAreNotForAStream() throws {
    for header in [
      MessageHeader(.announcement, length: 0), MessageHeader(.descriptor, descriptorCount: 1, length: 0),
      MessageHeader(.bytes, storage: .memoryFile, descriptorCount: 1, length: 9),
    ] {
      var assembler = StreamAssembler()
      append(header.withBytes { Array($0) }, to: &assembler)
      XCTAssertThrowsError(try assembler.header())
    }
  }
}
