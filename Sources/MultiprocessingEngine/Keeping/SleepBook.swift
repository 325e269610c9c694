/// What the waits of a keeper sleep on, and which of them are to take a step.
struct SleepBook {
  typealias Ticket = UInt64

  private struct Entry {
    let sleep: KeptSleep
    let until: Deadline
  }

  private var entries: [Ticket: Entry] = [:]

  var isEmpty: Bool { entries.isEmpty }

  /// Notes what a wait sleeps on, in the place of what it slept on before.
  mutating func note(_ ticket: Ticket, _ sleep: KeptSleep, until deadline: Deadline) {
    entries[ticket] = Entry(sleep: sleep, until: Deadline.earlier(sleep.lookAgain, deadline))
  }

  mutating func remove(_ ticket: Ticket) { entries[ticket] = nil }

  /// Those whose word has changed, and those whose time has come, in the order in which the waits began.
  func awake() -> [Ticket] {
    entries.filter { $0.value.sleep.hasChanged || $0.value.until.hasPassed }.keys.sorted()
  }

  /// When the first of them is to look again.
  var earliest: Deadline { entries.values.map(\.until).min() ?? .never }

  /// Each word once for each value that somebody saw in it, `limit` at most.
  func words(limit: Int) -> [KeptSleep] {
    var seen: Set<Word> = []
    var words: [KeptSleep] = []
    for entry in entries.values where words.count < limit {
      if seen.insert(Word(address: entry.sleep.word, value: entry.sleep.value)).inserted { words.append(entry.sleep) }
    }
    return words
  }

  private struct Word: Hashable {
    let address: UnsafeRawPointer
    let value: UInt32
  }
}
