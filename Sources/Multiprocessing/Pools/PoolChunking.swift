/// How many items travel together, and how many are under way: enough to keep the workers busy, and no more.
struct PoolChunking {
  /// Asked for by the user.
  let fixed: Int?
  let processes: Int
  /// How many inputs there are; nil when nobody knows.
  let total: Int?

  /// What a chunk should take; a thousandth of it is lost on the way.
  private static let wantedTime = 1_000_000
  private static let mostItems = 8192
  /// Beyond it a chunk gains nothing, and takes memory ahead of its items.
  private static let mostFixed = 1 << 20
  private static let mostBytes = 64 << 10
  /// So much is still in the processors' caches when a worker reads it, and lies in memory that was used before.
  private static let mostBytesUnderWay = 4 << 20

  /// The next chunk's size, with what an item has taken and weighed so far, in nanoseconds and bytes.
  func size(itemTime: Int?, itemBytes: Int, fed: Int) -> Int {
    if let fixed { return min(fixed, Self.mostFixed) }
    guard let itemTime else { return 1 }
    var size = min(Self.mostItems, Self.wantedTime / max(1, itemTime))
    size = min(size, Self.mostBytes / max(1, itemBytes))
    // The last ones are to be done at the same time.
    if let total { size = min(size, max(0, total - fed) / (2 * processes)) }
    return max(1, size)
  }

  /// How many items may be under way, in chunks of that size.
  func window(itemTime: Int?, itemBytes: Int, size: Int) -> Int {
    let least = processes * size * 2
    guard let itemTime else { return least }
    let chunkTime = max(1, min(itemTime, 1 << 40)) * size
    // About two milliseconds' worth for each worker.
    let wanted = processes * size * min(64, max(2, 2_000_000 / chunkTime))
    return min(wanted, max(least, Self.mostBytesUnderWay / max(1, itemBytes)))
  }
}
