import Glibc

/// Nanoseconds on the clock that all processes share, and that does not count suspension: CLOCK_MONOTONIC, clock_gettime(2).
package func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
