import CEngineTestSupport
import CMultiprocessing
import Glibc
import MultiprocessingEngine
import Synchronization
import XCTest

final class SymbolicationTests: XCTestCase {
  func testLibrariesAreFoundEveryTime() throws {
    // The toolchain's own map of the images is wrong from the second time on.
    for _ in 0..<3 {
      let record = try CrashChild.run { _ in _ = crashByCast(opaque("text")) }.record()
      let functions = Symbolication(of: record).frames.map(\.function)
      XCTAssertEqual(functions.prefix(2), ["swift_dynamicCast", "crashByCast(_:)"])
    }
  }

  func testNoThunksNoMachinery() throws {
    let record = try CrashChild.run { _ in crashByFatalError("x") }.record()
    let frames = Symbolication(of: record).frames
    XCTAssertEqual(frames.first?.function, "crashByFatalError(_:)")
    XCTAssertFalse(frames.contains { $0.function.hasPrefix("thunk for ") })
    XCTAssertFalse(frames.contains { $0.function.contains("_assertionFailure") })
    XCTAssert(frames.contains { $0.function == "fork_thread" && $0.file?.hasSuffix("support.c") == true })
  }

  func testGarbageAddressesAreUnknown() throws {
    let here = UInt(bitPattern: unsafeBitCast(ets_heap_in_use as @convention(c) () -> Int, to: Int.self))
    var addresses: [UInt] = [0, 1, 8, .max, .max - 1, 1 << 47, 1 << 63]
    for offset in 0..<200 { addresses.append(here &+ UInt(offset * 1_013 + 4)) }
    for _ in 0..<200 { addresses.append(UInt.random(in: 0...UInt.max)) }
    for start in stride(from: 0, to: addresses.count, by: 100) {
      let part = Array(addresses[start..<min(start + 100, addresses.count)])
      let frames = Symbolication(of: try record(at: part[0], calledFrom: part.dropFirst())).frames
      if start == 0 {
        XCTAssertEqual(
          frames.first,
          SymbolicatedFrame(
            function: "<unknown>", file: nil, line: nil, address: 0, isInlined: false))
        XCTAssert(frames.contains { $0.function == "ets_heap_in_use" })
      }
    }
  }

  func testManyThreadsAtOnce() throws {
    let record = try CrashChild.run { _ in _ = crashByIndex(opaque([1]), opaque(3)) }.record()
    let expected = Symbolication(of: record).frames
    let wrong = Counter()
    let threads = (0..<4).map { _ in
      startThread {
        for _ in 0..<10 where Symbolication(of: record).frames != expected {
          wrong.value.add(1, ordering: .relaxed)
        }
      }
    }
    for thread in threads { pthread_join(thread, nil) }
    XCTAssertEqual(wrong.value.load(ordering: .relaxed), 0)
  }

  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }

  private func record(at address: UInt, calledFrom callers: ArraySlice<UInt>) throws -> CrashRecord {
    var raw = mp_crash_record()
    raw.magic = UInt32(MP_CRASH_MAGIC)
    raw.version = UInt32(MP_CRASH_VERSION)
    raw.signal = SIGSEGV
    raw.program_counter = UInt64(address)
    raw.address_count = UInt32(callers.count)
    withUnsafeMutableBytes(of: &raw.addresses) { $0.copyBytes(from: callers.withUnsafeBytes { Array($0) }) }
    return try XCTUnwrap(CrashRecord(withUnsafeBytes(of: raw) { Array($0) }))
  }
}
