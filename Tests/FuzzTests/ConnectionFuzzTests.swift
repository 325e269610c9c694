import Glibc
import TestSupport
import XCTest

@testable import Multiprocessing
@testable import MultiprocessingEngine

/// No bytes of a peer make this side trap, hang, or reserve memory that nothing stands behind; and what is no message is told
/// from one. Nothing that came along stays open.
final class ConnectionFuzzTests: FuzzTestCase {
  override class var subject: String { "connection" }

  /// What a peer might send: messages, and steps of the authentication.
  private let corpus = Result { try FuzzCorpus.entries("message").map(\.bytes) }

  /// A message as a peer would send it, or nearly.
  private func message(_ source: inout FuzzSource) throws -> [UInt8] {
    if source.chance(4) {
      let corpus = try corpus.get()
      return source.mutated(corpus[source.number(below: corpus.count)], with: corpus)
    }
    let payload = (0..<source.number(below: source.chance(10) ? 3000 : 40)).map { _ in source.byte() }
    let kind = UInt8(source.number(below: 6))
    var bytes = [0xC3, kind, 0, 0, 0, 0, 0, 0] + withUnsafeBytes(of: UInt64(payload.count)) { Array($0) } + payload
    if source.chance(3) { bytes = source.mutated(bytes, with: [bytes]) }
    return bytes
  }

  /// What a receiver says to anything: a message, or an error of its own.
  private func hear(_ connection: Connection, _ source: inout FuzzSource) -> Bool {
    do {
      switch source.number(below: 4) {
      case 0: _ = try connection.receiveBytes(timeout: .zero)
      case 1: _ = try connection.receiveBytes(maxLength: 16, timeout: .zero)
      case 2: _ = try connection.receive([String].self, timeout: .zero)
      default: Glibc.close(try connection.receiveFileDescriptor(timeout: .zero))
      }
      return true
    } catch is TimeoutError {
      return false
    } catch ConnectionError.peerClosed {
      return false
    } catch is ConnectionError {
      return true
    } catch is DecodingError {
      return true
    } catch {
      XCTFail("\(error)")
      return false
    }
  }

  func testPackets() throws {
    var heard = 0
    try repeatedly { source in
      let (first, second) = try Connection.pair()
      for _ in 0...source.number(below: 5) {
        let bytes = try message(&source)
        try note(bytes)
        let descriptors = (0..<(source.chance(3) ? source.number(below: 4) : 0)).map { _ in Int32(0) }
        _ = try bytes.withUnsafeBytes {
          try Syscall.sendMessage(
            first.fileDescriptor, header: $0, payload: UnsafeRawBufferPointer(start: nil, count: 0),
            passing: descriptors, waits: false)
        }
      }
      for _ in 0..<8 where hear(second, &source) { heard += 1 }
    }
    XCTAssertGreaterThan(heard, 300)
  }

  /// Files that a peer passes for the payload: of any length, sealed or not, or no memory file at all.
  func testFiles() throws {
    try repeatedly { source in
      let (first, second) = try Connection.pair()
      let real = source.number(below: 5000)
      let claimed = source.chance(2) ? real : source.chance(2) ? source.number(below: 10_000) : 1 << 39
      let file = try Syscall.memoryDescriptor()
      defer { Glibc.close(file) }
      if source.chance(3) {
        ftruncate(file, claimed)
      } else {
        _ = write(file, [UInt8](repeating: 1, count: real), real)
      }
      let isSealed = source.chance(2)
      if isSealed { try Syscall.seal(file) }
      let header = MessageHeader(.bytes, storage: .memoryFile, descriptorCount: 1, serial: 1, length: claimed)
      _ = try header.withBytes { (bytes) throws(SystemFailure) in
        try Syscall.sendMessage(
          first.fileDescriptor, header: bytes, payload: UnsafeRawBufferPointer(start: nil, count: 0),
          passing: [source.chance(10) ? 0 : file], waits: false)
      }
      do {
        let bytes = try second.receiveBytes()
        XCTAssertTrue(isSealed && bytes.count == claimed)
      } catch ConnectionError.corruptMessage {}
    }
  }

  func testStreams() throws {
    let listener = try Listener(.tcp(host: "127.0.0.1", port: 0))
    var heard = 0
    try repeatedly { source in
      let client = try Connection.connect(to: listener.address)
      let server = try listener.accept()
      var bytes = try (0...source.number(below: 5)).flatMap { _ in try message(&source) }
      try note(bytes)
      while !bytes.isEmpty {
        let part = bytes.prefix(1 + source.number(below: bytes.count))
        bytes.removeFirst(part.count)
        XCTAssertEqual(write(client.fileDescriptor, Array(part), part.count), part.count)
        if hear(server, &source) { heard += 1 }
      }
      for _ in 0..<8 where hear(server, &source) { heard += 1 }
      _ = try server.poll()
    }
    XCTAssertGreaterThan(heard, 300)
  }

  /// Peers that say anything to a listener with a key. None comes in, and the listener goes on.
  func testHandshakes() throws {
    let key: [UInt8] = [1, 2, 3]
    for address in [Address.tcp(host: "127.0.0.1", port: 0), .abstract(name: "multiprocessing-fuzz-\(getpid())")] {
      let listener = try Listener(address, authKey: key)
      try repeatedly { source in
        let stranger = try Connection.connect(to: listener.address)
        let length = [64, 0, 40, 32, 100, 5000][source.number(below: 6)]
        var bytes: [UInt8] = [0xC3, 5, 0, 0, 0, 0, 0, 0] + withUnsafeBytes(of: UInt64(length)) { Array($0) }
        bytes += (0..<length).map { _ in source.byte() }
        if source.chance(2) { bytes = source.mutated(bytes, with: [bytes]) }
        if source.chance(4) { bytes = try message(&source) }
        try note(bytes)
        _ = write(stranger.fileDescriptor, bytes, bytes.count)
        // One that stops in the middle is no better than one that goes away.
        stranger.close()
        do {
          _ = try listener.accept(timeout: .seconds(20))
          XCTFail("a stranger came in")
        } catch ConnectionError.authenticationFailed {}
      }
    }
  }

  /// Listeners that say anything to one who connects with a key.
  func testChallenges() throws {
    try repeatedly { source in
      var handshake = Handshake(.connector, key: [1], nonce: (0..<32).map { _ in source.byte() })
      var steps = 0
      for _ in 0..<3 {
        let message = (0..<[40, 32, 64, source.number(below: 80)][source.number(below: 4)]).map { _ in source.byte() }
        let step = handshake.hear(source.chance(2) ? Array(("MPauth-1".utf8 + message).prefix(40)) : message)
        if case .accept = step { XCTFail("a listener without the key was believed") }
        if case .say = step { steps += 1 }
      }
      XCTAssertLessThanOrEqual(steps, 1)
    }
  }
}
