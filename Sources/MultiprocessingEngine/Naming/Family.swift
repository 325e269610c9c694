import CMultiprocessing
import Glibc

/// The program's first process and all that descend from it, and the register of the names that are to go when the last of
/// them has ended, however it ends; see mp_names.h.
///
/// The register is a segment that every fork passes on: a mutex, a count and entries, of which a name is written before it
/// is given to a file, and taken out after it was removed. Whoever is killed in between leaves an entry that stands for nothing.
package final class Family: Sendable {
  private static let label = SegmentLabel(kind: "name", stride: MemoryLayout<mp_name_entry>.size)
  /// Address space for some 60,000 names; memory comes as it is needed.
  private static let capacity = 16 << 20
  private static let step = 64 << 10

  private let segment: SharedSegment
  private let mutex: RobustMutex

  private init() throws(SystemFailure) {
    segment = try SharedSegment.make(
      Self.label, capacity: Self.capacity, reserved: Self.step, fileName: "mp-family")
    mutex = try RobustMutex.make(at: segment.contents)
  }

  // Safe: touched under the fork lock alone, and never taken back, so that a child finds it whole.
  private nonisolated(unsafe) static var known: Family?

  /// The family of this process. Founded by the first that asks, which every start of a child does: so that all
  /// of a program is one family.
  package static func current() throws(SystemFailure) -> Family {
    if let known = forkLock.withLock({ _ in known }) { return known }
    let fresh = try Family()
    // Another thread may have been faster; a family that nobody wants ends outside of the lock.
    return try withExtendedLifetime(fresh) { () throws(SystemFailure) in
      try forkLock.withLock { (_) throws(SystemFailure) in
        if let known { return known }
        let segment = fresh.segment
        try Syscall.found(
          family: segment.descriptor.raw, mappedAt: segment.contents - SharedSegment.headerSize, length: segment.length)
        known = fresh
        return fresh
      }
    }
  }

  // MARK: The register

  /// Lists a name ahead of its being given, and sees to it that there is a guardian.
  func add(_ name: String, of file: FileIdentity) throws(SystemFailure) {
    _ = try mutex.lock()
    defer { mutex.unlock() }
    // No child may be forked meanwhile: it would hold the guardian's own lock.
    try forkLock.withLock { (_) throws(SystemFailure) in try Syscall.guardFamily(segment.descriptor.raw) }
    let count = self.count
    let end = Self.offset(of: count + 1)
    guard end <= segment.capacity else { throw SystemFailure("keep count of one more name", errno: ENOSPC) }
    if end > Self.step { try segment.reserve(Self.offset(of: count)..<end) }
    var entry = mp_name_entry()
    entry.device = file.device
    entry.number = file.number
    withUnsafeMutableBytes(of: &entry.name) { $0.copyBytes(from: name.utf8.prefix(Int(MP_NAME_LENGTH))) }
    self[count] = entry
    self.count = count + 1
  }

  /// Takes a file's name out, if it is listed.
  func remove(_ file: FileIdentity) throws(SystemFailure) {
    _ = try mutex.lock()
    defer { mutex.unlock() }
    let count = self.count
    guard let index = (0..<count).first(where: { self[$0].device == file.device && self[$0].number == file.number })
    else { return }
    self[index] = self[count - 1]
    self.count = count - 1
  }

  // MARK: Its memory

  private var count: Int {
    get {
      // Another member of the family might have written anything.
      let listed = counter.pointee
      return listed <= UInt64(segment.capacity / MemoryLayout<mp_name_entry>.size) ? Int(listed) : 0
    }
    set { counter.pointee = UInt64(newValue) }
  }

  private var counter: UnsafeMutablePointer<UInt64> {
    (segment.contents + (Int(MP_REGISTER_COUNT) - SharedSegment.headerSize)).assumingMemoryBound(to: UInt64.self)
  }

  private subscript(index: Int) -> mp_name_entry {
    get { (segment.contents + Self.offset(of: index)).load(as: mp_name_entry.self) }
    set { (segment.contents + Self.offset(of: index)).storeBytes(of: newValue, as: mp_name_entry.self) }
  }

  private static func offset(of index: Int) -> Int {
    Int(MP_REGISTER_ENTRIES) - SharedSegment.headerSize + index * MemoryLayout<mp_name_entry>.size
  }
}
