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
}
