/// A queue with two ends, in one piece of memory that is used round and round.
struct PoolDeque<Element> {
  private var places: [Element?] = []
  private var start = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  private func place(_ index: Int) -> Int { (start + index) & (places.count - 1) }

  subscript(index: Int) -> Element {
    get { places[place(index)]! }
    _modify { yield &places[place(index)]! }
  }

  var first: Element? { count == 0 ? nil : places[start] }

  private mutating func grow() {
    guard count == places.count else { return }
    var larger = [Element?](repeating: nil, count: max(8, 2 * places.count))
    for index in 0..<count { larger[index] = places[place(index)] }
    (places, start) = (larger, 0)
  }

  mutating func append(_ element: Element) {
    grow()
    count += 1
    places[place(count - 1)] = element
  }

  mutating func prepend(_ element: Element) {
    grow()
    start = (start - 1) & (places.count - 1)
    count += 1
    places[start] = element
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    defer {
      places[start] = nil
      start = place(1)
      count -= 1
    }
    return places[start]
  }

  mutating func popLast() -> Element? {
    guard count > 0 else { return nil }
    defer {
      places[place(count - 1)] = nil
      count -= 1
    }
    return places[place(count - 1)]
  }

  /// Takes out what satisfies `isUnwanted`; the others stay in their order.
  mutating func removeAll(where isUnwanted: (Element) -> Bool) -> [Element] {
    var removed: [Element] = []
    var rest = PoolDeque()
    while let element = popFirst() {
      if isUnwanted(element) { removed.append(element) } else { rest.append(element) }
    }
    self = rest
    return removed
  }
}
