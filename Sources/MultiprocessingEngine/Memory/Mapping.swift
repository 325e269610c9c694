import Glibc

/// A read-only mapping of memory that cannot change any more; unmapped with its last owner.
final class Mapping: @unchecked Sendable {
  // Sendable: the pages are sealed against writing, so every thread only ever reads the same bytes.
  private let buffer: UnsafeRawBufferPointer

  /// Takes over a mapping made by mmap(2).
  init(_ buffer: UnsafeRawBufferPointer) { self.buffer = buffer }

  deinit {
    // The range is exactly one mapping of ours, for which munmap(2) has no error to report.
    munmap(UnsafeMutableRawPointer(mutating: buffer.baseAddress), buffer.count)
  }

  var count: Int { buffer.count }

  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try body(buffer)
  }
}
