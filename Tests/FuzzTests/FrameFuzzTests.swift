import Foundation
import Glibc
import TestSupport
import XCTest

@testable import Multiprocessing
@testable import MultiprocessingEngine

/// No frame, and no record in one, makes the side that reads it trap, hang or leak, whoever has written it: a child with a bad pointer writes
/// anything.
final class FrameFuzzTests: FuzzTestCase {
  override class var subject: String { "frame" }

  private var accepted = 0
  private var refused = 0

  private func count(_ read: () throws -> Void) {
    do {
      try read()
      accepted += 1
    } catch is FrameError {
      refused += 1
    } catch {
      XCTFail("\(error)")
    }
  }

  // MARK: Frames

  /// Reads all that lies in a socket.
  private func drain(_ socket: Int32) {
    var pending: FrameHeader?
    count {
      while case .frame(_, let payload) = try FrameReader(socket: socket).next(pending: &pending) {
        accepted += withExtendedLifetime(payload) { payload.bytes.reduce(0) { $0 + Int($1 & 1) } } & 1
      }
    }
  }

  private func send(_ bytes: [UInt8], to socket: Int32, passing descriptor: Int32 = -1) throws {
    try bytes.withUnsafeBytes {
      try Syscall.sendPacket(
        socket, header: $0, payload: UnsafeRawBufferPointer(start: nil, count: 0), passing: descriptor)
    }
  }

  func testTheCorpusOfFrames() throws {
    let corpus = try FuzzCorpus.entries("frame")
    XCTAssertGreaterThan(corpus.count, 8)
    for entry in corpus {
      let pair = try MessagePair()
      try send(entry.bytes, to: pair.first)
      var pending: FrameHeader?
      let isRead = Result { try FrameReader(socket: pair.second).next(pending: &pending) }
      if entry.name.hasPrefix("valid") {
        guard case .success(.frame) = isRead else {
          XCTFail("\(entry.name): \(isRead)")
          continue
        }
      } else {
        XCTAssertThrowsError(try isRead.get(), entry.name) { XCTAssertTrue($0 is FrameError, entry.name) }
      }
    }
  }

  func testFrames() throws {
    let corpus = try FuzzCorpus.entries("frame").map(\.bytes)
    try repeatedly { source in
      let pair = try MessagePair()
      for _ in 0...source.number(below: 4) {
        let bytes = source.mutated(corpus[source.number(below: corpus.count)], with: corpus)
        try note(bytes)
        // A packet of no bytes ends a series.
        try send(bytes.isEmpty ? [0] : bytes, to: pair.first, passing: source.chance(4) ? 0 : -1)
      }
      if source.chance(2) { pair.closeFirst() }
      for _ in 0..<6 { drain(pair.second) }
    }
    XCTAssertGreaterThan(accepted, 20)
    XCTAssertGreaterThan(refused, 20)
  }

  /// Memory files of any length, sealed or not, and what is none.
  func testFiles() throws {
    try repeatedly { source in
      let pair = try MessagePair()
      let (real, claimed) = (source.number(below: 5000), source.number(below: 6000))
      let file = try Syscall.memoryDescriptor()
      defer { close(file) }
      ftruncate(file, real)
      let isSealed = !source.chance(3)
      if isSealed { try Syscall.seal(file) }
      let length = source.chance(10) ? 1 << 39 : claimed
      try send(FrameHeader(.value, storage: .memoryFile, length: length).bytes, to: pair.first)
      if !source.chance(8) { try send([0], to: pair.first, passing: source.chance(8) ? 0 : file) }
      drain(pair.second)
    }
    XCTAssertGreaterThan(accepted, 20)
    XCTAssertGreaterThan(refused, 20)
  }

  // MARK: Records

  /// Mutations of stored records.
  private func feed(_ kind: String, atLeast least: Int = 2000, _ read: (UnsafeRawBufferPointer) throws -> Void) throws {
    let corpus = try FuzzCorpus.entries(kind)
    XCTAssertGreaterThan(corpus.count, 2)
    for entry in corpus { entry.bytes.withUnsafeBytes { bytes in count { try read(bytes) } } }
    let inputs = corpus.map(\.bytes)
    try repeatedly(atLeast: least) { source in
      let bytes = source.mutated(inputs[source.number(below: inputs.count)], with: inputs)
      try note(bytes)
      bytes.withUnsafeBytes { bytes in count { try read(bytes) } }
    }
  }

  func testLaunchRecords() throws {
    try feed("launch") { bytes in
      let (record, arguments) = try LaunchRecord.parse(bytes)
      XCTAssertLessThanOrEqual(arguments.bytes.count, bytes.count)
      XCTAssertLessThanOrEqual(record.path.count, bytes.count)
    }
    XCTAssertGreaterThan(accepted, 20)
    XCTAssertGreaterThan(refused, 20)
  }

  /// A launch record as it comes through the pipe, whole or cut off.
  func testLaunchFrames() throws {
    let corpus = try FuzzCorpus.entries("launch").map { entry in
      FrameHeader(.launch, length: entry.bytes.count).bytes + entry.bytes
    }
    try repeatedly { source in
      var bytes = source.mutated(corpus[source.number(below: corpus.count)], with: corpus)
      // A memory file's number is the parent's word for a descriptor that the child owns: nothing that could be checked.
      if bytes.count > 7 { (bytes[6], bytes[7]) = (0, 0) }
      try note(bytes)
      var pipe: [Int32] = [0, 0]
      XCTAssertEqual(Glibc.pipe(&pipe), 0)
      defer { close(pipe[0]) }
      XCTAssertEqual(write(pipe[1], bytes, bytes.count), bytes.count)
      close(pipe[1])
      count {
        if let payload = try LaunchFrame.read(from: pipe[0]) { XCTAssertLessThan(payload.bytes.count, bytes.count) }
      }
    }
    XCTAssertGreaterThan(accepted, 20)
    XCTAssertGreaterThan(refused, 20)
  }

  /// Whatever a child sends for the error of its body becomes an error.
  func testErrors() throws {
    var kinds: Set<String> = []
    try feed("error") { kinds.insert("\(type(of: ThrownError.decode($0)))") }
    XCTAssertTrue(kinds.contains("\(ProcessError.self)"))
    XCTAssertGreaterThan(kinds.count, 1)
  }

  func testCrashRecords() throws {
    try feed("crash") { bytes in
      guard let record = CrashRecord(bytes) else { throw FrameError.truncated }
      XCTAssertLessThanOrEqual(record.returnAddresses.count, bytes.count)
      XCTAssertLessThanOrEqual(record.message?.utf8.count ?? 0, 4 * bytes.count)
      _ = (record.isStackOverflow, record.isFromOutside, record.isAllocationFailure)
    }
    XCTAssertGreaterThan(accepted, 20)
    XCTAssertGreaterThan(refused, 20)
  }

  /// `FRAME_RECORD_CORPUS` stores what the encoders write.
  func testTheCorpusIsWhatIsWritten() throws {
    let samples = try FrameSamples()
    if ProcessInfo.processInfo.environment["FRAME_RECORD_CORPUS"] != nil { try samples.record() }
    let stored = Dictionary(
      uniqueKeysWithValues: try FuzzCorpus.entries("launch").map { ($0.name, $0.bytes) })
    for (name, bytes) in samples.launches { XCTAssertEqual(stored["valid-\(name)"], bytes, name) }
    for entry in try FuzzCorpus.entries("crash") where entry.name.hasPrefix("valid") {
      XCTAssertNotNil(entry.bytes.withUnsafeBytes { CrashRecord($0) }, entry.name)
    }
  }
}

/// Two ends of a packet socket.
private final class MessagePair {
  let first: Int32
  let second: Int32
  private var isFirstClosed = false

  init() throws { (first, second) = try Syscall.packetPair() }

  func closeFirst() {
    close(first)
    isFirstClosed = true
  }

  deinit {
    if !isFirstClosed { close(first) }
    close(second)
  }
}
