import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

final class FrameTransportTests: AuditedTestCase {
  private func withSockets(
    _ body: (FrameWriter, FrameReader, (sender: Int32, receiver: Int32)) throws -> Void
  ) throws {
    let (sender, receiver) = try Syscall.packetPair()
    defer {
      close(sender)
      close(receiver)
    }
    try body(FrameWriter(socket: sender), FrameReader(socket: receiver), (sender, receiver))
  }

  private func bytes(_ payload: Payload) -> [UInt8] { withExtendedLifetime(payload) { [UInt8]($0.bytes) } }

  private func expectFrame(
    _ reader: FrameReader, _ pending: inout FrameHeader?, _ kind: FrameHeader.Kind, _ expected: [UInt8],
    line: UInt = #line
  ) throws {
    guard case .frame(let received, let payload) = try reader.next(pending: &pending) else {
      return XCTFail("no frame", line: line)
    }
    XCTAssertEqual(received, kind, line: line)
    XCTAssertEqual(bytes(payload), expected, line: line)
  }

  func testPayloadsOfEveryLengthArriveInOrder() throws {
    let lengths = [0, 1, 4096, FrameWriter.longestInline, FrameWriter.longestInline + 1, 3_000_000]
    try withSockets { writer, reader, sockets in
      var pending: FrameHeader?
      for length in lengths {
        try writer.send(.value, (0..<length).map { UInt8(truncatingIfNeeded: $0) })
      }
      for length in lengths {
        try expectFrame(reader, &pending, .value, (0..<length).map { UInt8(truncatingIfNeeded: $0) })
      }
      guard case .none = try reader.next(pending: &pending) else { return XCTFail("a frame too many") }
    }
  }

  func testWhatWasSentBeforeTheEndIsRead() throws {
    let (sender, receiver) = try Syscall.packetPair()
    try FrameWriter(socket: sender).send(.error, [1, 2, 3])
    close(sender)
    defer { close(receiver) }
    let reader = FrameReader(socket: receiver)
    var pending: FrameHeader?
    try expectFrame(reader, &pending, .error, [1, 2, 3])
    guard case .end = try reader.next(pending: &pending) else { return XCTFail("no end") }
  }

  #if DEBUG
    func testAFullDescriptorTableLosesNothing() throws {
      try withSockets { writer, reader, _ in
        let payload = [UInt8](repeating: 5, count: 100_000)
        try writer.send(.value, payload)
        var pending: FrameHeader?
        mp_fault_arm(MP_SIDE_PARENT, 1, EMFILE, 1)
        defer { mp_fault_disarm() }
        XCTAssertThrowsError(try reader.next(pending: &pending)) {
          XCTAssertEqual(($0 as? SystemFailure)?.errno, EMFILE)
        }
        XCTAssertTrue(mp_fault_struck())
        try expectFrame(reader, &pending, .value, payload)
      }
    }
  #endif

  func testAFullDescriptorTableOfTheSystemLosesNothing() throws {
    try withSockets { writer, reader, sockets in
      let payload = [UInt8](repeating: 5, count: 100_000)
      try writer.send(.value, payload)
      var limits = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
      let before = limits.rlim_cur
      // Every number up to the reader's is taken, so the next one is past the limit.
      var taken: [Int32] = []
      while let next = Optional(dup(sockets.receiver)), next >= 0 {
        taken.append(next)
        if next > sockets.receiver + 1 { break }
      }
      limits.rlim_cur = rlim_t(taken.max()! + 1)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
      var pending: FrameHeader?
      XCTAssertThrowsError(try reader.next(pending: &pending)) {
        XCTAssertEqual(($0 as? SystemFailure)?.errno, EMFILE)
      }
      limits.rlim_cur = before
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
      for number in taken { close(number) }
      try expectFrame(reader, &pending, .value, payload)
    }
  }

  func testHostilePacketsAreErrors() throws {
    let header = FrameHeader(.value, length: 10).bytes
    let tooLong = [UInt8](repeating: 0, count: FrameWriter.longestInline + 100)
    let shortened = header + [1, 2, 3]
    let lengthened = header + [UInt8](repeating: 0, count: 11)
    for packet in [
      [1], Array(header.dropLast()), shortened, lengthened, tooLong, [UInt8](repeating: 255, count: 64),
    ] {
      try withSockets { _, reader, sockets in
        try packet.withUnsafeBytes {
          try Syscall.sendPacket(
            sockets.sender, header: $0, payload: UnsafeRawBufferPointer(start: nil, count: 0))
        }
        var pending: FrameHeader?
        XCTAssertThrowsError(try reader.next(pending: &pending), "\(packet.prefix(20))") {
          XCTAssertTrue($0 is FrameError, "\($0)")
        }
      }
    }
  }

  func testAnAnnouncedDescriptorThatDoesNotComeIsAnError() throws {
    try withSockets { writer, reader, sockets in
      for packet in [FrameHeader(.value, storage: .memoryFile, length: 10).bytes, [0]] {
        try packet.withUnsafeBytes {
          try Syscall.sendPacket(
            sockets.sender, header: $0, payload: UnsafeRawBufferPointer(start: nil, count: 0))
        }
      }
      var pending: FrameHeader?
      XCTAssertThrowsError(try reader.next(pending: &pending)) {
        XCTAssertEqual($0 as? FrameError, .truncated)
      }
    }
  }

  func testAnAnnouncementThatIsTakenBackIsVoid() throws {
    try withSockets { writer, reader, sockets in
      let announcement = FrameHeader(.value, storage: .memoryFile, length: 10).bytes
      try announcement.withUnsafeBytes {
        try Syscall.sendPacket(
          sockets.sender, header: $0, payload: UnsafeRawBufferPointer(start: nil, count: 0))
      }
      try writer.send(.undeliverable, [7])
      var pending: FrameHeader?
      try expectFrame(reader, &pending, .undeliverable, [7])
    }
  }

  func testMemoryThatItsSenderCouldCutShortIsRefused() throws {
    try withSockets { _, reader, sockets in
      let unsealed = try Syscall.memoryDescriptor()
      defer { close(unsealed) }
      ftruncate(unsealed, 100)
      let announcement = FrameHeader(.value, storage: .memoryFile, length: 100).bytes
      try announcement.withUnsafeBytes {
        try Syscall.sendPacket(
          sockets.sender, header: $0, payload: UnsafeRawBufferPointer(start: nil, count: 0))
      }
      try [UInt8(0)].withUnsafeBytes {
        try Syscall.sendPacket(
          sockets.sender, header: $0, payload: UnsafeRawBufferPointer(start: nil, count: 0), passing: unsealed
        )
      }
      var pending: FrameHeader?
      XCTAssertThrowsError(try reader.next(pending: &pending)) {
        XCTAssertEqual($0 as? FrameError, .corrupt("a memory file that is not sealed"))
      }
    }
  }

  func testMemoryShorterThanAnnouncedIsRefused() throws {
    let file = try SealedMemory.file(holding: [1, 2, 3])
    XCTAssertThrowsError(try Payload(mapping: file.raw, length: 4)) {
      XCTAssertEqual($0 as? FrameError, .truncated)
    }
    XCTAssertEqual(bytes(try Payload(mapping: file.raw, length: 3)), [1, 2, 3])
  }
}
