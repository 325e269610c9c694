import CMultiprocessing
import Glibc

/// A memory file (memfd_create(2)) that is filled once, sealed, and handed to another process: what is too large for a
/// pipe or a socket buffer travels so, and nobody has to wait for the reader.
enum SealedMemory {
  /// Fills a new memory file. `write` rather than a mapping: memory that runs out is an error here, and no SIGBUS.
  static func file(holding bytes: [UInt8]) throws -> Descriptor {
    let file = try Descriptor.listing { () throws(SystemFailure) in try Syscall.memoryDescriptor() }
    try bytes.withUnsafeBytes { try Syscall.writeAll(file.raw, $0) }
    try Syscall.seal(file.raw)
    return file
  }

  /// Maps `length` bytes of a memory file that somebody else filled.
  static func map(_ file: Int32, length: Int) throws -> Mapping {
    // Unsealed, it could be cut short while it is read, which ends the reader with SIGBUS.
    guard try Syscall.isSealed(file) else { throw FrameError.corrupt("a memory file that is not sealed") }
    guard length > 0, try Syscall.size(of: file) >= length else { throw FrameError.truncated }
    return Mapping(try Syscall.mapForReading(file, length: length))
  }
}
