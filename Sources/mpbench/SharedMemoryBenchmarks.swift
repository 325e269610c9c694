import Glibc
import Measuring
import Multiprocessing

extension Benchmark {
  /// What it costs to change a shared value, and to carry bytes through a shared array.
  static var sharedMemory: [Benchmark] {
    [
      Benchmark("value_increment", unit: .nanoseconds, count: 1_000_000, round: valueIncrement),
      Benchmark("bandwidth_shm", unit: .gibibytesPerSecond, count: 1024, round: bandwidth),
    ]
  }

  private static func valueIncrement(_ count: Int) throws -> Double {
    let value = try SharedValue(0)
    let start = nanoseconds()
    for _ in 0..<count { try value.withLock { $0 += 1 } }
    let time = Double(nanoseconds() - start) / Double(count)
    guard value.value == count else { throw WrongOutcome("\(value.value) of \(count)") }
    return time
  }

  private static let mebibyte = 1 << 20
  private static let slots = 4

  /// Four slots of 1 MiB: the parent copies in, the child copies out. Each waits for the other by a count of its own.
  private static func bandwidth(_ chunks: Int) throws -> Double {
    let array = try SharedArray(count: slots * mebibyte, repeating: UInt8(0))
    let (filled, emptied) = (try SharedAtomic(0), try SharedAtomic(0))
    let source = [UInt8](repeating: 7, count: mebibyte)
    let reader = Process {
      var copy = [UInt8](repeating: 1, count: mebibyte)
      var isWrong = false
      for chunk in 0..<chunks {
        wait { filled.load(ordering: .acquiring) > chunk }
        array.withUnsafeMutableBufferPointer { bytes in
          copy.withUnsafeMutableBufferPointer { _ = $0.update(fromContentsOf: bytes[range(chunk)]) }
        }
        emptied.store(chunk + 1, ordering: .releasing)
        if copy[chunk] != 7 { isWrong = true }
      }
      if isWrong { exit(1) }
    }
    let start = nanoseconds()
    try reader.start()
    for chunk in 0..<chunks {
      wait { emptied.load(ordering: .acquiring) > chunk - slots }
      try array.update(from: source, startingAt: range(chunk).lowerBound)
      filled.store(chunk + 1, ordering: .releasing)
    }
    try reader.join()
    let seconds = Double(nanoseconds() - start) / 1e9
    guard reader.exitCode == 0 else { throw WrongOutcome("the reader ended with \(reader.exitCode as Any)") }
    return Double(chunks) / 1024 / seconds
  }

  private static func range(_ chunk: Int) -> Range<Int> {
    let start = chunk % slots * mebibyte
    return start..<start + mebibyte
  }

  private static func wait(until isTrue: () -> Bool) {
    // About as long as the anchors spin before they sleep; a turn for the other, should both be on one processor.
    var turns = 0
    while !isTrue() {
      turns += 1
      if turns > 2000 { sched_yield() }
    }
  }
}
