import CMultiprocessing
import Glibc

/// A frame's payload: memory of its own, or a mapped memory file.
package final class Payload: @unchecked Sendable {
  // Sendable: the bytes are written once, before anybody else has the object, and a file is sealed against writing.

  /// Valid as long as the object lives: see `withExtendedLifetime`.
  package let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// Memory that `fill` writes, all of it.
  init(count: Int, filledBy fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    bytes = UnsafeRawBufferPointer(memory)
    isMapped = false
    try fill(memory)
  }

  convenience init(copying bytes: UnsafeRawBufferPointer) {
    self.init(count: bytes.count) { $0.copyMemory(from: bytes) }
  }

  /// Maps `length` bytes of a memory file that somebody else filled.
  init(mapping file: Int32, length: Int) throws {
    // Unsealed, it could be cut short while it is read, which ends the reader with SIGBUS.
    guard try Syscall.isSealed(file) else { throw FrameError.corrupt("a memory file that is not sealed") }
    guard length > 0, try Syscall.size(of: file) >= length else { throw FrameError.truncated }
    bytes = try Syscall.mapForReading(file, length: length)
    isMapped = true
  }

  deinit {
    if isMapped {
      // The range is exactly one mapping of ours, for which munmap(2) has no error to report.
      munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    } else {
      bytes.deallocate()
    }
  }
}
