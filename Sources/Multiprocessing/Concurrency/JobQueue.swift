/// Jobs in the order in which they run: the highest priority first, and among equals who came first. So that nobody waits
/// for ever behind a stream of higher ones, every so many turns are the one's that has waited longest.
struct JobQueue<Job> {
  /// Of so many turns one goes by age.
  static var turnsByPriority: Int { 16 }

  private struct Lane {
    let priority: UInt8
    /// Those before `first` have left.
    var jobs: [(arrival: UInt64, job: Job)] = []
    var first = 0

    var isEmpty: Bool { first == jobs.count }
    /// When its next one came; nil when there is none.
    var arrival: UInt64? { isEmpty ? nil : jobs[first].arrival }

    mutating func removeFirst() -> Job {
      let job = jobs[first].job
      first += 1
      if first == jobs.count {
        jobs.removeAll(keepingCapacity: true)
        first = 0
      } else if first >= 64 && first * 2 >= jobs.count {
        jobs.removeFirst(first)
        first = 0
      }
      return job
    }
  }

  /// By falling priority. A lane stays when it is empty: programs use a handful.
  private var lanes: [Lane] = []
  private var arrivals: UInt64 = 0
  private var turn = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  mutating func add(_ job: Job, priority: UInt8) {
    let index = lanes.firstIndex { $0.priority <= priority } ?? lanes.count
    if index == lanes.count || lanes[index].priority != priority { lanes.insert(Lane(priority: priority), at: index) }
    lanes[index].jobs.append((arrivals, job))
    arrivals += 1
    count += 1
  }

  /// The next one; nil when there is none.
  mutating func next() -> Job? {
    guard count > 0 else { return nil }
    count -= 1
    turn = (turn + 1) % Self.turnsByPriority
    let index = turn == 0 ? longestWaiting : lanes.firstIndex { !$0.isEmpty }
    return index.map { lanes[$0].removeFirst() }
  }

  private var longestWaiting: Int? {
    var found: (lane: Int, arrival: UInt64)?
    for lane in lanes.indices {
      guard let arrival = lanes[lane].arrival, arrival < found?.arrival ?? .max else { continue }
      found = (lane, arrival)
    }
    return found?.lane
  }
}
