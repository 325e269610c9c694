import CMultiprocessing
import Glibc

/// What kind of object a segment holds, and its shape: the first bytes of every segment. What another process sent is held
/// against it before anything is believed.
package struct SegmentLabel: Equatable, Sendable {
  /// Four letters that name the kind of object.
  package var kind: UInt32
  /// The size of one of the values in it, in bytes, or 0.
  package var stride: UInt32

  package init(kind: StaticString, stride: Int = 0) {
    precondition(kind.utf8CodeUnitCount == 4)
    self.kind = kind.withUTF8Buffer { $0.reduce(0) { $0 << 8 | UInt32($1) } }
    self.stride = UInt32(clamping: stride)
  }
}

/// Memory that several processes have mapped, each at an address of its own or, after a fork, at the same. It lives as long
/// as any process has it mapped or open.
///
///     0   magic    "mSeg"
///     4   label    what is in it
///     12  version  of the layout
///     16  length   of the mapping
///     24  holding  1: the contents begin with a mutex that is held beyond a call
///     64  contents
///
/// The file's length is fixed, so nobody can take the memory away from under a reader; memory behind it is reserved before
/// it is written. What two processes write and read at once is the business of the layers above.
package final class SharedSegment: @unchecked Sendable {
  // Sendable: immutable, but for the memory behind `base`, whose users guard it.

  /// The bytes ahead of the contents. A cache line, so that contents begin on one.
  package static let headerSize = 64
  private static let version: UInt32 = 1
  private static let magic: UInt32 = 0x6765_536d  // "mSeg"

  /// The beginning of the mapping.
  private let address: UnsafeMutableRawPointer
  /// The length of the mapping, header included.
  package let length: Int
  package let descriptor: InheritableDescriptor
  package let identity: FileIdentity

  private static let live = LiveObjects<FileIdentity, SharedSegment>()

  /// The segments of this process, those it has inherited included.
  private init(_ descriptor: InheritableDescriptor, _ identity: FileIdentity, length: Int) throws(SystemFailure) {
    self.address = try Syscall.mapShared(descriptor.raw, length: length)
    self.length = length
    self.descriptor = descriptor
    self.identity = identity
  }

  deinit {
    // The kernel walks the mutexes of a thread at its end, and can tell of its death only where it finds them: the mapping stays.
    let isHeld = header.pointee.holding != 0 && mp_mutex_is_held_here(contents)
    // The range is exactly one mapping of ours, for which munmap(2) has no error to report.
    if !isHeld { munmap(address, length) }
    Self.live.remove(identity)
  }

  /// Where the contents begin.
  package var contents: UnsafeMutableRawPointer { address + Self.headerSize }
  package var capacity: Int { length - Self.headerSize }

  // MARK: Making and finding

  /// A segment of zeroes with address space for `capacity` bytes, of which the first `reserved` have memory. One whose contents
  /// begin with a mutex that its users hold, `holdingMutex`, stays mapped in a process that holds it.
  package static func make(
    _ label: SegmentLabel, capacity: Int, reserved: Int, holdingMutex: Bool = false,
    fileName: String = "multiprocessing"
  ) throws(SystemFailure) -> SharedSegment {
    let page = Int(getpagesize())
    let (sum, tooLarge) = capacity.addingReportingOverflow(headerSize + page - 1)
    guard capacity >= 0, !tooLarge else { throw SystemFailure("share \(capacity) bytes of memory", errno: ENOMEM) }
    let length = sum / page * page
    let descriptor = InheritableDescriptor(owning: try Syscall.memoryDescriptor(named: fileName))
    try Syscall.resize(descriptor.raw, to: length)
    try Syscall.fixSize(of: descriptor.raw)
    try Syscall.reserve(descriptor.raw, 0..<headerSize + reserved)
    let segment = try SharedSegment(descriptor, try descriptor.identity, length: length)
    segment.header.pointee = Header(
      magic: magic, label: label, version: version, length: UInt64(length), holding: holdingMutex ? 1 : 0)
    return live.unify(segment, for: segment.identity)
  }

  /// The segment behind a descriptor that came from another process.
  package static func find(_ descriptor: InheritableDescriptor, _ label: SegmentLabel) throws -> SharedSegment {
    let identity = try descriptor.identity
    if let segment = live[identity] { return try segment.checked(label) }
    // Without a fixed size it could be cut short while it is read, which ends the reader with SIGBUS.
    guard try Syscall.hasFixedSize(descriptor.raw) else { throw SegmentError.notASegment }
    let length = try Syscall.size(of: descriptor.raw)
    guard length >= headerSize else { throw SegmentError.notASegment }
    let segment = try SharedSegment(descriptor, identity, length: length)
    return live.unify(try segment.checked(label), for: identity)
  }

  /// The segment that this process has inherited, or has made, under that descriptor.
  package static func find(inherited raw: Int32, _ label: SegmentLabel) throws -> SharedSegment {
    guard let segment = live[try Syscall.identity(of: raw)] else { throw SegmentError.notASegment }
    return try segment.checked(label)
  }

  private func checked(_ label: SegmentLabel) throws -> SharedSegment {
    let found = header.pointee
    guard found.magic == Self.magic, found.version == Self.version, found.length == UInt64(length) else {
      throw SegmentError.notASegment
    }
    guard found.label == label else { throw SegmentError.another(found.label) }
    return self
  }

  // MARK: Memory

  /// Makes sure that a range of the contents has memory.
  package func reserve(_ range: Range<Int>) throws(SystemFailure) {
    try Syscall.reserve(descriptor.raw, range.lowerBound + Self.headerSize..<range.upperBound + Self.headerSize)
  }

  /// Gives the whole pages of a range of the contents back to the system.
  package func release(_ range: Range<Int>) throws(SystemFailure) {
    try Syscall.release(descriptor.raw, range.lowerBound + Self.headerSize..<range.upperBound + Self.headerSize)
  }

  private struct Header {
    var magic: UInt32
    var label: SegmentLabel
    var version: UInt32
    var length: UInt64
    var holding: UInt32
  }

  private var header: UnsafeMutablePointer<Header> { address.assumingMemoryBound(to: Header.self) }
}

package enum SegmentError: Error, Equatable {
  /// A descriptor of something else.
  case notASegment
  /// A segment that holds another kind of object.
  case another(SegmentLabel)
}
