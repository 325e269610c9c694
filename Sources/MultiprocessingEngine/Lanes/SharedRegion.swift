import Glibc

/// Memory without a file that a process shares with the children it forks from then on, at the same address in each.
///
/// It needs no descriptor, and goes with the last process that has it. Address space is cheap and taken generously; memory lies behind what was
/// reserved or touched.
package final class SharedRegion: @unchecked Sendable {
  // Sendable: immutable, but for the memory behind `base`, whose users order their writes.

  package static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))

  package let base: UnsafeMutableRawPointer
  package let length: Int
  private let owner = Generation.current

  /// `length` bytes of address space, or, where the system refuses so much, half as much and so on down to `least`. Both are whole pages.
  package init(length: Int, least: Int) throws(SystemFailure) {
    var length = length
    while true {
      do throws(SystemFailure) {
        base = try Syscall.mapAnonymous(length: length)
        self.length = length
        return
      } catch {
        guard length > least else { throw error }
        length = max(least, length / 2 / Self.pageSize * Self.pageSize)
      }
    }
  }

  /// In a child of the process that made it, what is written and freed there is still that one's.
  package var isOfThisProcess: Bool { owner.isCurrent }

  deinit {
    // Children that outlive this object, and know nothing of it, have inherited it: its memory goes all the same. Not from a child, though:
    // its parent may be using it.
    if owner.isCurrent { try? Syscall.removeMemory(UnsafeMutableRawBufferPointer(start: base, count: length)) }
    // The range is exactly one mapping of ours, for which munmap(2) has no error to report.
    munmap(base, length)
  }

  /// Makes sure that there is memory behind a range.
  package func reserve(_ range: Range<Int>) throws(SystemFailure) {
    let lower = range.lowerBound / Self.pageSize * Self.pageSize
    let upper = (range.upperBound + Self.pageSize - 1) / Self.pageSize * Self.pageSize
    try Syscall.populate(UnsafeMutableRawBufferPointer(start: base + lower, count: upper - lower))
  }

  /// Gives the memory behind whole pages back. Where the kernel refuses, it stays, and can be used again.
  package func release(_ pages: Range<Int>) {
    try? Syscall.removeMemory(UnsafeMutableRawBufferPointer(start: base + pages.lowerBound, count: pages.count))
  }
}
