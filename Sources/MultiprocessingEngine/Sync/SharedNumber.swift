import Synchronization

/// A number in shared memory that a mutex guards for those who change it, and that anybody may read.
package struct SharedNumber: @unchecked Sendable {
  // Sendable: the memory is touched by atomic operations alone.
  private let word: UnsafeMutablePointer<Atomic<Int>>

  package static let size = 8

  /// A view of eight bytes, zero at first.
  package init(at address: UnsafeMutableRawPointer) {
    // An `Atomic<Int>` is laid out as its value, and needs no initialising beyond the zeroes of the segment.
    word = address.assumingMemoryBound(to: Atomic<Int>.self)
  }

  /// Read and written in the order of the program, whoever reads: releasing and acquiring. A process that is killed between two
  /// writes has then done the first and not the second, and nothing else.
  package var value: Int {
    get { word.pointee.load(ordering: .acquiring) }
    nonmutating set {
      KillPoint.pass()
      word.pointee.store(newValue, ordering: .releasing)
    }
  }
}
