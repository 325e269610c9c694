import XCTest

@testable import MultiprocessingEngine

/// The digest, the code over it, and who is let in.
final class HandshakeTests: XCTestCase {
  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Messages and digests that NIST published with the standard, and the lengths around a block's end.
  func testDigests() {
    XCTAssertEqual(
      hex(SHA256.digest([])), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    XCTAssertEqual(
      hex(SHA256.digest(Array("abc".utf8))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    XCTAssertEqual(
      hex(SHA256.digest(Array(long.utf8))), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    XCTAssertEqual(
      hex(SHA256.digest([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  func testDigestsDoNotDependOnThePieces() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 * 7) }
    for split in [0, 1, 55, 56, 63, 64, 65, 127, 128, 299] {
      var hash = SHA256()
      hash.update(Array(bytes[..<split]))
      hash.update(Array(bytes[split...]))
      XCTAssertEqual(hash.finish(), SHA256.digest(bytes), "split at \(split)")
    }
  }

  /// From RFC 4231.
  func testCodes() {
    XCTAssertEqual(
      hex(HMAC.code(for: Array("Hi There".utf8), key: [UInt8](repeating: 0x0b, count: 20))),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    XCTAssertEqual(
      hex(HMAC.code(for: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    let text = "Test Using Larger Than Block-Size Key - Hash Key First"
    XCTAssertEqual(
      hex(HMAC.code(for: Array(text.utf8), key: [UInt8](repeating: 0xaa, count: 131))),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
  }

  func testComparison() {
    XCTAssertTrue(HMAC.areEqual([1, 2], [1, 2]))
    XCTAssertFalse(HMAC.areEqual([1, 2], [1, 3]))
    XCTAssertFalse(HMAC.areEqual([9, 2], [1, 2]))
    XCTAssertFalse(HMAC.areEqual([1, 2], [1, 2, 3]))
  }

  // MARK: The handshake

  private func nonce(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: Handshake.nonceSize) }

  private func say(_ step: Handshake.Step) throws -> [UInt8] {
    guard case .say(let message) = step else {
      XCTFail("\(step)")
      throw SocketFailure.unauthentic
    }
    return message
  }

  func testTheSameKeyOpens() throws {
    var listener = Handshake(.listener, key: [1], nonce: nonce(1))
    var connector = Handshake(.connector, key: [1], nonce: nonce(2))
    let challenge = try XCTUnwrap(listener.begin())
    XCTAssertNil(connector.begin())
    let answer = try say(connector.hear(challenge))
    guard case .accept(let proof) = listener.hear(answer) else { return XCTFail("refused") }
    XCTAssertEqual(connector.hear(proof), .accept([]))
    // The key is in none of it, and nothing is longer than it may be.
    for message in [challenge, answer, proof] { XCTAssertLessThanOrEqual(message.count, Handshake.longest) }
  }

  func testAnotherKeyDoesNot() throws {
    var listener = Handshake(.listener, key: [1], nonce: nonce(1))
    var connector = Handshake(.connector, key: [2], nonce: nonce(2))
    let answer = try say(connector.hear(try XCTUnwrap(listener.begin())))
    XCTAssertEqual(listener.hear(answer), .refuse)
    XCTAssertEqual(listener.hear(answer), .refuse, "there is no second try")
  }

  /// A listener that does not know the key, and says back what it hears, in every way.
  func testNothingThatIsSentBackServes() throws {
    var connector = Handshake(.connector, key: [1], nonce: nonce(2))
    let answer = try say(connector.hear(Array("MPauth-1".utf8) + nonce(2)))
    XCTAssertEqual(connector.hear(Array(answer.suffix(32))), .refuse)
    // Two listeners of the same key, played against each other by a peer without it.
    var first = Handshake(.listener, key: [1], nonce: nonce(1))
    var second = Handshake(.listener, key: [1], nonce: nonce(3))
    let challenge = try XCTUnwrap(first.begin())
    XCTAssertEqual(second.hear(challenge), .refuse)
    _ = second.begin()
    XCTAssertEqual(second.hear(challenge), .refuse)
  }

  func testAnOldAnswerDoesNotServeAgain() throws {
    var first = Handshake(.listener, key: [1], nonce: nonce(1))
    var connector = Handshake(.connector, key: [1], nonce: nonce(2))
    let answer = try say(connector.hear(try XCTUnwrap(first.begin())))
    var second = Handshake(.listener, key: [1], nonce: nonce(9))
    _ = second.begin()
    XCTAssertEqual(second.hear(answer), .refuse)
  }

  func testEveryChangedBitIsRefused() throws {
    var connector = Handshake(.connector, key: [1], nonce: nonce(2))
    let answer = try say(connector.hear(Array("MPauth-1".utf8) + nonce(1)))
    for bit in 0..<answer.count * 8 {
      var listener = Handshake(.listener, key: [1], nonce: nonce(1))
      _ = listener.begin()
      var changed = answer
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      XCTAssertEqual(listener.hear(changed), .refuse, "bit \(bit)")
    }
  }
}
