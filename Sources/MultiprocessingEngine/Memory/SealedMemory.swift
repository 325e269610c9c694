import CMultiprocessing
import Glibc

/// A memory file (memfd_create(2)) that is filled once, sealed, and handed to another process: what is too large for a
/// pipe or a socket buffer travels so, and nobody has to wait for the reader.
enum SealedMemory {
  static func file(holding bytes: [UInt8]) throws -> Descriptor {
    let file = try empty()
    try bytes.withUnsafeBytes { try fill(file.raw, with: $0) }
    return file
  }

  static func file(holding bytes: UnsafeRawBufferPointer) throws(SystemFailure) -> Descriptor {
    let file = try empty()
    try fill(file.raw, with: bytes)
    return file
  }

  private static func empty() throws(SystemFailure) -> Descriptor {
    try Descriptor.listing { () throws(SystemFailure) in try Syscall.memoryDescriptor() }
  }

  /// `write` rather than a mapping: memory that runs out is an error here, and no SIGBUS.
  private static func fill(_ file: Int32, with bytes: UnsafeRawBufferPointer) throws(SystemFailure) {
    try Syscall.writeAll(file, bytes)
    try Syscall.seal(file)
  }
}
