import CMultiprocessing
import Glibc

/// A file that grows by whole pieces, each written at its end by one call: others may append to it as well, and a kill leaves at most one
/// piece torn, the last one.
package final class AppendedFile: Sendable {
  private let descriptor: Descriptor

  /// Opens or creates the file at `path`; `truncates`: and empties it.
  package init(_ path: String, truncates: Bool) throws(SystemFailure) {
    descriptor = try Descriptor.listing { () throws(SystemFailure) in
      try Syscall.openForAppending(path, truncates: truncates)
    }
  }

  /// All that is in it.
  package func read() throws(SystemFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 1)
    defer { buffer.deallocate() }
    while true {
      let count = try Syscall.read(descriptor.raw, into: buffer, at: bytes.count)
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
    }
  }

  /// Writes `bytes` at the end. After an error a part of them may be there.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(SystemFailure) {
    try Syscall.writeAll(descriptor.raw, bytes)
  }
}

extension Syscall {
  fileprivate static func openForAppending(_ path: String, truncates: Bool) throws(SystemFailure) -> Int32 {
    let flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | (truncates ? O_TRUNC : 0)
    return Int32(
      try attempt(MP_CALL_OPEN, "open \(path)") { negativeErrno(Int(Glibc.open(path, flags, 0o666))) })
  }

  fileprivate static func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(SystemFailure) -> Int {
    try attempt(MP_CALL_READ, "read a file") {
      negativeErrno(Glibc.pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)))
    }
  }
}
