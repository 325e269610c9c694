import Glibc

/// The monotonic clock, which all processes share. clock_gettime(2) answers it without a system call.
package func nanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// The untimed operations ahead of the timed ones: what the first of its kind pays, none of them should.
private let warmUps = 3

extension Benchmark {
  /// The median of `count` single timings, in microseconds, as the anchors take it.
  package static func medianTime(_ count: Int, of operation: () throws -> Void) throws -> Double {
    try median(count) {
      let start = nanoseconds()
      try operation()
      return Double(nanoseconds() - start) / 1000
    }
  }

  /// The median of `count` numbers that `operation` answers.
  package static func median(_ count: Int, of operation: () throws -> Double) throws -> Double {
    for _ in 0..<warmUps { _ = try operation() }
    var numbers: [Double] = []
    numbers.reserveCapacity(count)
    for _ in 0..<count { numbers.append(try operation()) }
    return numbers.median
  }

  /// The rate at which `count` operations, of `bytes` bytes each, go by.
  package static func rate(_ count: Int, bytes: Int, of operation: () throws -> Void) throws -> Double {
    try operation()
    let start = nanoseconds()
    for _ in 0..<count { try operation() }
    let seconds = Double(nanoseconds() - start) / 1e9
    return Double(bytes) * Double(count) / seconds / 1_073_741_824
  }
}

extension [Double] {
  /// The middle one, or the mean of the middle two. The array must not be empty.
  package var median: Double {
    let sorted = self.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}
