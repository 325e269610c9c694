import CEngineTestSupport
import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

/// Records in a lane, between two threads, and between this process and one that is killed.
final class LaneTests: AuditedTestCase {
  private static func put(_ writer: inout LaneWriter, _ number: Int, length: Int) -> Bool {
    guard let room = writer.room(for: length) else { return false }
    for index in 0..<length {
      room.storeBytes(of: UInt8(truncatingIfNeeded: number &+ index), toByteOffset: index, as: UInt8.self)
    }
    writer.commit(UInt8(number % 7 + 1), length)
    return true
  }

  private static func isRight(_ record: LaneRecord, _ number: Int, length: Int) -> Bool {
    record.kind == UInt8(number % 7 + 1) && record.payload.count == length
      && record.payload.enumerated().allSatisfy { $1 == UInt8(truncatingIfNeeded: number &+ $0) }
  }

  private static func length(_ number: Int) -> Int { number &* 7919 % 300 }

  func testRecordsComeInOrder() throws {
    let lane = try Lane()
    var writer = lane.requestWriter()
    var reader = lane.requestReader()
    XCTAssertNil(reader.next())
    var written = 0
    for round in 0..<2000 {
      while written < 3 * round, Self.put(&writer, written, length: Self.length(written)) { written += 1 }
    }
    XCTAssertGreaterThan(written, 100)
    for number in 0..<written {
      let record = try XCTUnwrap(reader.next())
      XCTAssertTrue(Self.isRight(record, number, length: Self.length(number)), "\(number)")
      reader.release(record)
    }
    XCTAssertNil(reader.next())
  }

  func testAFullRingHasNoRoomUntilSomethingIsRead() throws {
    let lane = try Lane()
    var writer = lane.replyWriter()
    var reader = lane.replyReader()
    var count = 0
    while Self.put(&writer, 1, length: 1000) { count += 1 }
    XCTAssertGreaterThan(count, 10)
    XCTAssertNil(writer.room(for: 1000))
    reader.release(try XCTUnwrap(reader.next()))
    XCTAssertTrue(Self.put(&writer, 1, length: 1000))
    XCTAssertNil(writer.room(for: 1000))
  }

  func testTheLongestRecordAlwaysFitsAnEmptyRing() throws {
    let lane = try Lane()
    var writer = lane.replyWriter()
    var reader = lane.replyReader()
    for number in 0..<50 {
      XCTAssertTrue(Self.put(&writer, number, length: writer.longestPayload - number % 3))
      let record = try XCTUnwrap(reader.next())
      XCTAssertTrue(Self.isRight(record, number, length: writer.longestPayload - number % 3))
      reader.release(record)
    }
  }

  func testTwoThreads() throws {
    let lane = try Lane()
    let count = 200_000
    let thread = TestThread {
      var writer = lane.replyWriter()
      for number in 0..<count {
        while !Self.put(&writer, number, length: Self.length(number) / 10) {
          Lane.wait(lane.workerWantsRoom) { writer.room(for: Self.length(number) / 10) != nil }
        }
        if lane.workerSleeps.takeDown() { lane.workerSleeps.wake() }
      }
    }
    var reader = lane.replyReader()
    for number in 0..<count {
      while true {
        if let record = reader.next() {
          if !Self.isRight(record, number, length: Self.length(number) / 10) { XCTFail("\(number)") }
          reader.release(record)
          lane.tellOfRoom()
          break
        }
        Lane.wait(lane.workerSleeps) { !reader.isEmpty() }
      }
    }
    thread.join()
  }

  /// A writer that is killed at any instruction leaves whole records.
  func testAKilledWriter() throws {
    for round in 0..<60 {
      let lane = try Lane()
      let pid = BareChild.fork {
        #if DEBUG
          mp_kill_arm(Int32(3 * round))
        #endif
        var writer = lane.replyWriter()
        var number = 0
        while true {
          if Self.put(&writer, number, length: Self.length(number)) { number += 1 }
        }
      }
      var reader = lane.replyReader()
      var number = 0
      func read() {
        while let record = reader.next() {
          if !Self.isRight(record, number, length: Self.length(number)) { XCTFail("\(number)") }
          number += 1
          reader.release(record)
        }
      }
      while number < round { if reader.isEmpty(), kill(pid, 0) != 0 || !isRunning(pid) { break } else { read() } }
      kill(pid, SIGKILL)
      BareChild.reap(pid)
      read()
    }
  }

  func testArenaMemoryComesAndGoes() throws {
    let arena = try SharedArena(reserving: 4096)
    let free = arena.freeBytes
    var blocks = try (1...20).map { try arena.take($0 << 20) }
    for (index, block) in blocks.enumerated() {
      block.bytes.storeBytes(of: index, toByteOffset: block.bytes.count - 8, as: Int.self)
    }
    XCTAssertTrue(
      blocks.enumerated().allSatisfy { $1.bytes.load(fromByteOffset: $1.bytes.count - 8, as: Int.self) == $0 })
    blocks.removeAll()
    XCTAssertEqual(arena.freeBytes, free)
    XCTAssertThrowsError(try arena.take(1 << 50))
    XCTAssertEqual(arena.freeBytes, free)
  }

  #if DEBUG
    func testMemoryThatIsNotThereIsAnError() throws {
      let arena = try SharedArena(reserving: 4096)
      let free = arena.freeBytes
      mp_fault_arm(MP_SIDE_PARENT, 0, ENOMEM, 1)
      defer { mp_fault_disarm() }
      XCTAssertThrowsError(try arena.take(1 << 20))
      XCTAssertEqual(arena.freeBytes, free)
      XCTAssertNoThrow(try arena.take(1 << 20))
    }
  #endif
}

/// A fork without the engine's start.
private enum BareChild {
  static func fork(_ body: () -> Void) -> Int32 {
    let pid = ets_plain_fork()
    if pid == 0 {
      body()
      _exit(0)
    }
    return pid
  }

  static func reap(_ pid: Int32) {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
  }
}
