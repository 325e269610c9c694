import CMultiprocessing
import Glibc
import TestSupport
import XCTest

@testable import MultiprocessingEngine

final class SharedSegmentTests: AuditedTestCase {
  private let label = SegmentLabel(kind: "test", stride: 8)

  func testASegmentBeginsAsZeroesAndHoldsWhatIsWritten() throws {
    let segment = try SharedSegment.make(label, capacity: 100_000, reserved: 100_000)
    XCTAssertGreaterThanOrEqual(segment.capacity, 100_000)
    XCTAssertEqual(segment.contents.load(fromByteOffset: 99_992, as: UInt64.self), 0)
    segment.contents.storeBytes(of: 7, toByteOffset: 99_992, as: UInt64.self)
    XCTAssertEqual(segment.contents.load(fromByteOffset: 99_992, as: UInt64.self), 7)
  }

  func testAnotherDescriptorFindsTheVerySegment() throws {
    let segment = try SharedSegment.make(label, capacity: 10, reserved: 10)
    let copy = InheritableDescriptor(owning: dup(segment.descriptor.raw))
    XCTAssertTrue(try SharedSegment.find(copy, label) === segment)
    XCTAssertTrue(try SharedSegment.find(inherited: segment.descriptor.raw, label) === segment)
  }

  func testADescriptorOutlivesTheObject() throws {
    var segment: SharedSegment? = try SharedSegment.make(label, capacity: 10, reserved: 10)
    let copy = InheritableDescriptor(owning: dup(try XCTUnwrap(segment).descriptor.raw))
    segment?.contents.storeBytes(of: 5, as: UInt8.self)
    segment = nil
    let found = try SharedSegment.find(copy, label)
    withExtendedLifetime(found) { XCTAssertEqual(found.contents.load(as: UInt8.self), 5) }
  }

  func testWhatIsNoSegmentIsRefused() throws {
    let pages = InheritableDescriptor(owning: mp_memfd_create("test"))
    ftruncate(pages.raw, 8192)
    assertThrows(SegmentError.notASegment) { try SharedSegment.find(pages, label) }
    XCTAssertEqual(mp_memfd_fix_size(pages.raw), 0)
    assertThrows(SegmentError.notASegment) { try SharedSegment.find(pages, label) }
    let pipe = try Syscall.pipe()
    let (reader, writer) = (InheritableDescriptor(owning: pipe.0), InheritableDescriptor(owning: pipe.1))
    assertThrows(SegmentError.notASegment) { try SharedSegment.find(reader, label) }
    XCTAssertNoThrow(try writer.identity)
    let other = SegmentLabel(kind: "test", stride: 4)
    let segment = try SharedSegment.make(label, capacity: 10, reserved: 10)
    assertThrows(SegmentError.another(label)) { try SharedSegment.find(inherited: segment.descriptor.raw, other) }
  }

  func testNobodyCanCutASegmentShort() throws {
    let segment = try SharedSegment.make(label, capacity: 10_000, reserved: 10_000)
    XCTAssertEqual(ftruncate(segment.descriptor.raw, 0), -1)
    XCTAssertEqual(errno, EPERM)
  }

  func testMemoryCanBeReservedAndGivenBack() throws {
    let segment = try SharedSegment.make(label, capacity: 1 << 36, reserved: 64)
    func allocated() -> Int {
      var status = stat()
      fstat(segment.descriptor.raw, &status)
      return Int(status.st_blocks) * 512
    }
    XCTAssertLessThanOrEqual(allocated(), 8192)
    try segment.reserve(1 << 35..<1 << 35 + 1 << 20)
    XCTAssertGreaterThanOrEqual(allocated(), 1 << 20)
    segment.contents.storeBytes(of: 5, toByteOffset: 1 << 35 + 8192, as: UInt8.self)
    try segment.release(1 << 35..<1 << 35 + 1 << 20)
    XCTAssertLessThanOrEqual(allocated(), 16384)
    XCTAssertEqual(segment.contents.load(fromByteOffset: 1 << 35 + 8192, as: UInt8.self), 0)
  }

  func testAnImpossibleSizeIsAnError() {
    for capacity in [-1, Int.max, 1 << 60] {
      XCTAssertNotNil(
        thrown(SystemFailure.self, by: { try SharedSegment.make(label, capacity: capacity, reserved: 0) }))
    }
  }

  func testUnclaimedDescriptorsAreClosed() throws {
    let pipe = try Syscall.pipe()
    var received: ReceivedDescriptors? = ReceivedDescriptors([pipe.0, pipe.1])
    var first = received?.take(at: 0)
    XCTAssertEqual(first?.raw, pipe.0)
    XCTAssertNil(received?.take(at: 0))
    XCTAssertNil(received?.take(at: 2))
    XCTAssertNil(received?.take(at: -1))
    received = nil
    XCTAssertEqual(fcntl(pipe.1, F_GETFD), -1)
    XCTAssertGreaterThanOrEqual(fcntl(pipe.0, F_GETFD), 0)
    first = nil
    XCTAssertEqual(fcntl(pipe.0, F_GETFD), -1)
  }
}
