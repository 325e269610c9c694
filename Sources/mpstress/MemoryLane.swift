import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Values, arrays and memory that children share.
  static let memory = Lane(
    kind: "memory",
    operations: [
      Operation("value under its lock", value), Operation("atomic", atomic), Operation("array in slices", array),
      Operation("array under its lock", lockedArray), Operation("named memory", named),
    ])

  private static func startAll(
    _ desk: Desk, _ count: Int, _ body: @escaping @Sendable (Int) throws -> Void
  ) throws -> [Process<Void>] {
    let processes = (0..<count).map { number in Process { try body(number) } }
    for process in processes { try process.start() }
    if desk.draw.chance(3) {
      desk.dawdle(upTo: 5000)
      desk.kill(desk.draw.one(of: processes))
    }
    for process in processes { try desk.expectEnd(of: process) }
    return processes
  }

  private static func value(_ desk: Desk) throws {
    let (value, times) = (try SharedValue(0), desk.draw.size(upTo: 3000))
    let processes = try startAll(desk, desk.draw.number(2...4)) { _ in
      for _ in 0..<times { try value.withLock { $0 += 1 } }
    }
    let least = times * processes.count { !desk.wasKilled($0) }
    let sum = try value.withLock { $0 }
    desk.require(least...times * processes.count ~= sum, "the sum is \(sum), at least \(least) expected")
  }

  private static func atomic(_ desk: Desk) throws {
    let (number, flag, times) = (try SharedAtomic(0), try SharedAtomic(false), desk.draw.size(upTo: 20_000))
    let processes = try startAll(desk, desk.draw.number(2...4)) { _ in
      for _ in 0..<times { number.add(1) }
      _ = flag.exchange(true)
    }
    let least = times * processes.count { !desk.wasKilled($0) }
    desk.require(
      least...times * processes.count ~= number.load(), "the sum is \(number.load()), at least \(least) expected")
    desk.require(flag.load() || processes.allSatisfy(desk.wasKilled), "a flag that was raised is down")
  }

  private static func array(_ desk: Desk) throws {
    let (count, length) = (desk.draw.number(1...4), desk.draw.size(upTo: 300_000))
    let array = try SharedArray(count: count * length, repeating: 0)
    let processes = try startAll(desk, count) { number in
      for index in number * length..<(number + 1) * length { array[index] = index + 1 }
    }
    for (number, process) in processes.enumerated() where !desk.wasKilled(process) {
      let slice = array[number * length..<(number + 1) * length]
      desk.require(
        slice.enumerated().allSatisfy { $1 == number * length + $0 + 1 }, "slice \(number) holds something else")
    }
  }

  private static func lockedArray(_ desk: Desk) throws {
    let (array, times) = (try SharedArray(count: 8, repeating: 0), desk.draw.size(upTo: 1000))
    let processes = try startAll(desk, desk.draw.number(2...3)) { _ in
      for _ in 0..<times {
        try array.withLock { numbers in
          for index in numbers.indices { numbers[index] += 1 }
        }
      }
    }
    // A holder that was killed leaves its change half done.
    let killed = processes.filter(desk.wasKilled).count
    let (least, most) = (array.min() ?? 0, array.max() ?? 0)
    desk.require(
      most - least <= killed && least >= times * (processes.count - killed), "the array holds \(Array(array))")
  }

  private static func named(_ desk: Desk) throws {
    let size = desk.draw.size(upTo: 1 << 20)
    let name: String? = desk.draw.chance(2) ? "mpstress-\(getpid())-\(desk.step)" : nil
    let memory = try SharedMemory.create(name: name, size: size)
    let byte = UInt8(desk.draw.number(1...255))
    let process = Process(
      target: { (name: String) in
        let memory = try SharedMemory.attach(name: name)
        try memory.withUnsafeMutableBytes { bytes in
          for index in bytes.indices { bytes[index] = byte }
        }
      }, args: (memory.name))
    try process.start()
    try desk.expectEnd(of: process)
    if !desk.wasKilled(process) {
      desk.require(
        try memory.withUnsafeMutableBytes { $0.prefix(size).allSatisfy { $0 == byte } }, "other bytes in named memory")
    }
    try memory.unlink()
    do {
      _ = try SharedMemory.attach(name: memory.name)
      desk.violation("memory can be attached that was unlinked")
    } catch is SharedMemoryError {}
    if desk.draw.chance(2) { memory.close() }
  }
}
