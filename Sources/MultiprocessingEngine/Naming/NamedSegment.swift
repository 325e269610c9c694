import CMultiprocessing
import Glibc

/// Memory behind a name, as shm_open(3) gives it: nothing but the user's bytes is in it, so that any program can attach.
///
/// It cannot be kept from being cut short by whoever may write the file, and reading what was cut off ends the reader with SIGBUS:
/// that is trust which comes with the name.
package final class NamedSegment: @unchecked Sendable {
  // Sendable: immutable, but for the memory behind `address`, whose users guard it.

  package let file: NamedFile
  /// In bytes, as asked for by whoever made it.
  package let size: Int
  package let descriptor: InheritableDescriptor
  package let address: UnsafeMutableRawPointer

  private static let live = LiveObjects<FileIdentity, NamedSegment>()

  private init(_ name: String, _ descriptor: InheritableDescriptor, size: Int) throws(SystemFailure) {
    file = NamedFile(name: name, identity: try descriptor.identity)
    self.size = size
    self.descriptor = descriptor
    address = try Syscall.mapShared(descriptor.raw, length: size)
  }

  deinit {
    // The range is exactly one mapping of ours, for which munmap(2) has no error to report.
    munmap(address, size)
    Self.live.remove(file.identity)
  }

  /// New memory of zeroes, all of it reserved. It goes with the family unless `persistent`. Throws EEXIST when the name is
  /// taken; after an error, or a death, nothing is left.
  package static func create(name: String, size: Int, persistent: Bool) throws(SystemFailure) -> NamedSegment {
    let descriptor = InheritableDescriptor(owning: try Syscall.createNameless())
    try Syscall.resize(descriptor.raw, to: size)
    try Syscall.reserve(descriptor.raw, 0..<size)
    let segment = try NamedSegment(name, descriptor, size: size)
    let family = persistent ? nil : try Family.current()
    try family?.add(name, of: segment.file.identity)
    do throws(SystemFailure) {
      try Syscall.give(name: name, to: descriptor.raw)
    } catch {
      try? family?.remove(segment.file.identity)
      throw error
    }
    return live.unify(segment, for: segment.file.identity)
  }

  /// The memory of that name. Throws ENOENT when there is none, EINVAL for what is none.
  package static func attach(name: String) throws(SystemFailure) -> NamedSegment {
    try find(InheritableDescriptor(owning: try Syscall.open(name: name)), name: name)
  }

  /// The memory behind a descriptor that came from another process.
  package static func find(_ descriptor: InheritableDescriptor, name: String) throws(SystemFailure) -> NamedSegment {
    let identity = try descriptor.identity
    if let segment = live[identity] { return segment }
    let size = try Syscall.isRegularFile(descriptor.raw) ? try Syscall.size(of: descriptor.raw) : 0
    guard size > 0 else { throw SystemFailure("attach shared memory \(name)", errno: EINVAL) }
    return live.unify(try NamedSegment(name, descriptor, size: size), for: identity)
  }

  /// The memory that this process has inherited, or has made, under that descriptor.
  package static func find(inherited raw: Int32) throws(SystemFailure) -> NamedSegment {
    guard let segment = live[try Syscall.identity(of: raw)] else {
      throw SystemFailure("find shared memory", errno: ENOENT)
    }
    return segment
  }
}
