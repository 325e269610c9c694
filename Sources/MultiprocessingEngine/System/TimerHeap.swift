/// What is to happen at given times, the earliest at hand; what has the same time comes in the order it was added.
package struct TimerHeap<Time: Comparable, Element> {
  private struct Entry {
    let time: Time
    let arrival: UInt64
    let element: Element

    func isBefore(_ other: Entry) -> Bool { time == other.time ? arrival < other.arrival : time < other.time }
  }

  /// A binary heap: no entry is before its parent, which lies at half its place.
  private var entries: [Entry] = []
  private var arrivals: UInt64 = 0

  package init() {}

  package var isEmpty: Bool { entries.isEmpty }
  package var count: Int { entries.count }
  package var earliest: Time? { entries.first?.time }

  package mutating func add(_ element: Element, at time: Time) {
    insert(Entry(time: time, arrival: arrivals, element: element))
    arrivals += 1
  }

  private mutating func insert(_ entry: Entry) {
    entries.append(entry)
    var place = entries.count - 1
    while place > 0, case let parent = (place - 1) / 2, entries[place].isBefore(entries[parent]) {
      entries.swapAt(place, parent)
      place = parent
    }
  }

  /// Drops what does not satisfy `isWanted`.
  package mutating func keep(where isWanted: (Element) -> Bool) {
    let kept = entries.filter { isWanted($0.element) }
    entries = []
    for entry in kept { insert(entry) }
  }

  /// What comes next.
  package var next: Element? { entries.first?.element }

  /// Takes the earliest one out.
  @discardableResult
  package mutating func removeEarliest() -> Element? {
    guard let last = entries.popLast() else { return nil }
    guard let first = entries.first else { return last.element }
    entries[0] = last
    var place = 0
    while case let child = 2 * place + 1, child < entries.count {
      let sibling = child + 1
      let least = sibling < entries.count && entries[sibling].isBefore(entries[child]) ? sibling : child
      guard entries[least].isBefore(entries[place]) else { break }
      entries.swapAt(place, least)
      place = least
    }
    return first.element
  }
}
