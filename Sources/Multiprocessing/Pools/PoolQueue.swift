/// What waits for a worker, in order.
///
/// What nobody wants any more stays where it is until there is more of it than of the rest, or until its turn has come: to drop one among very many
/// costs no look at the others.
struct PoolQueue<Load: PoolWork> {
  typealias Slice = PoolSlice<Load>

  private var slices = PoolDeque<Slice>()
  /// How many of them nobody wants any more; none of those is in front.
  private var dropped = 0
  /// What was dropped for good. To be let go of without a lock: it may run code of the user's.
  private var garbage: [Load] = []

  private static var mostDropped: Int { 32 }

  /// How many somebody wants.
  var count: Int { slices.count - dropped }
  var isEmpty: Bool { slices.isEmpty }
  var first: Slice? { slices.first }

  mutating func append(_ slice: Slice) {
    guard isWanted(slice) else { return }
    slices.append(slice)
  }

  mutating func prepend(_ slice: Slice) {
    guard isWanted(slice) else { return }
    slices.prepend(slice)
  }

  private mutating func isWanted(_ slice: Slice) -> Bool {
    if slice.load.isDropped {
      garbage.append(slice.load)
      return false
    }
    slice.load.waiting += 1
    return true
  }

  mutating func popFirst() -> Slice? {
    guard let slice = slices.popFirst() else { return nil }
    slice.load.waiting -= 1
    passOver()
    return slice
  }

  mutating func popLast() -> Slice? {
    while let slice = slices.popLast() {
      guard slice.load.isDropped else {
        slice.load.waiting -= 1
        return slice
      }
      discard(slice.load)
    }
    return nil
  }

  /// Sees to it that the first one, if there is one, is wanted.
  private mutating func passOver() {
    while dropped > 0, let first = slices.first, first.load.isDropped {
      _ = slices.popFirst()
      discard(first.load)
    }
  }

  private mutating func discard(_ load: Load) {
    load.waiting -= 1
    dropped -= 1
    garbage.append(load)
  }

  /// `isDropped` has become true for so many.
  mutating func drop(_ count: Int) {
    dropped += count
    passOver()
    guard dropped > max(Self.mostDropped, slices.count / 2) else { return }
    for slice in slices.removeAll(where: { $0.load.isDropped }) { discard(slice.load) }
  }

  /// Takes out what somebody wants and `isUnwanted` names.
  mutating func removeAll(where isUnwanted: (Slice) -> Bool) -> [Slice] {
    let removed = slices.removeAll { !$0.load.isDropped && isUnwanted($0) }
    for slice in removed { slice.load.waiting -= 1 }
    passOver()
    return removed
  }

  mutating func takeGarbage() -> [Load] {
    defer { garbage = [] }
    return garbage
  }

  var hasGarbage: Bool { !garbage.isEmpty }
}
