internal import Glibc
internal import MultiprocessingEngine
internal import Synchronization

/// What a pool asks of a worker.
enum PoolRequest: UInt8 {
  case slice = 1
  /// To end.
  case stop = 2
}

/// What a worker tells its pool.
enum PoolAnswer: UInt8 {
  /// The initializer has run.
  case ready = 1
  /// It has failed; the error's type and description.
  case initializerFailed = 2
  /// Results that are numbers: how many, then one after another.
  case numbers = 3
  /// The encoded result of one item.
  case value = 4
  /// The error of one item.
  case error = 5
  /// A result that lies in a block of the lane: where, and how long it is.
  case valueBlock = 6
  case errorBlock = 7
  /// The slice is done: `SliceReport`.
  case end = 8
  /// The worker takes nothing more, and ends.
  case leaving = 9
}

/// The request for a slice, ahead of the bytes if they come along.
struct SliceHeader {
  enum Claim {
    static let free: UInt32 = 0
    static let taken: UInt32 = 1
    static let withdrawn: UInt32 = 2
    /// Taken, but what has not begun of it is not wanted any more.
    static let disowned: UInt32 = 3
  }

  /// One word that worker and pool claim the slice by; see `claim(at:)`.
  var claim: UInt32 = Claim.free
  var unused: UInt32 = 0
  var function: Int
  var first: Int
  var count: Int
  /// Where the bytes lie in the pool's arena; -1: they follow.
  var offset: Int
  var length: Int

  static var size: Int { MemoryLayout<SliceHeader>.size }

  /// Claims the slice for `side`, `Claim.taken` or `.withdrawn`; false when the other side was faster.
  static func claim(at place: UnsafeMutableRawPointer, for side: UInt32) -> Bool {
    // The word is the header's first field, and only ever touched in this way once the request is there.
    place.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.compareExchange(
      expected: Claim.free, desired: side, ordering: .acquiringAndReleasing
    ).exchanged
  }
}

extension SliceHeader {
  /// Tells the worker that has taken the slice to leave what it has not begun with.
  static func disown(at place: UnsafeMutableRawPointer) {
    _ = place.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.compareExchange(
      expected: Claim.taken, desired: Claim.disowned, ordering: .relaxed)
  }

  static func isDisowned(at place: UnsafeMutableRawPointer) -> Bool {
    place.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .relaxed) == Claim.disowned
  }
}

/// A slice that was sent, as the pool finds it again.
struct PoolTicket {
  /// The request, in the lane of its worker.
  let place: UnsafeMutableRawPointer
  /// The same, counted from the lane's beginning.
  let position: UInt64
}

/// What a worker tells of a slice that it is done with.
struct SliceReport {
  /// Nanoseconds of the monotonic clock.
  var start: UInt64
  var duration: UInt64
  /// Resident bytes of the worker; 0 when nobody asked.
  var memory: UInt64
}

/// A block of a lane that holds a result. The worker reuses it once it was let go of.
enum AnswerBlock {
  /// Ahead of the bytes: 1 once they are not needed any more.
  static let headerSize = 64

  static func isReleased(_ block: UnsafeMutableRawPointer) -> Bool {
    block.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .acquiring) != 0
  }

  static func release(_ block: UnsafeMutableRawPointer) {
    block.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.store(1, ordering: .releasing)
  }
}
