/// What a scheduler hands out.
protocol PoolWork: AnyObject {
  /// Nobody wants it any more: what comes back undone is dropped.
  var isAbandoned: Bool { get }
  /// What waits of it is not to be handed out. The queue has to be told when that becomes true.
  var isDropped: Bool { get }
  /// How many slices of it, and of what is dropped together with it, wait in the queue, which counts them here.
  var waiting: Int { get set }
}

/// Items of one load, to be run one after another by one worker. `Load` is the caller's: what the items are, and who wants their results.
struct PoolSlice<Load: PoolWork> {
  var load: Load
  /// Which of the load's items.
  var items: Range<Int>
  /// The number of its function: workers that were born later know it.
  var function: Int
  /// Whether it takes a worker that can wait for async functions.
  var isAsync = false
  /// What it will take, in nanoseconds; nil when nobody knows.
  var expected: Int?
  /// How often its first item has cost a worker.
  var attempts = 0

  /// The items from that one on, as untried ones.
  func rest(from item: Int) -> PoolSlice {
    var rest = self
    rest.items = item..<items.upperBound
    if item > items.lowerBound { rest.attempts = 0 }
    return rest
  }
}

/// A worker, as the scheduler sees it. `Ticket` is the caller's: with it, a slice that was sent can be taken back.
///
/// A class, so that nothing is copied when one of its slices moves on. Nobody holds on to a part of it while another one is changed: no checks of
/// exclusive access are needed.
final class PoolWorkerState<Load: PoolWork, Ticket> {
  enum Phase {
    /// Its initializer runs, or it has yet to be born.
    case starting
    case ready
    /// It takes nothing more, and ends by itself.
    case leaving
  }

  struct Sent {
    var slice: PoolSlice<Load>
    var ticket: Ticket
    /// How many of its items have an answer.
    var done = 0
    /// The worker will not run it, or has begun with it for certain.
    var isWithdrawn = false
    var isClaimed = false
    /// The worker was told to leave what it has not begun with; that need not be run.
    var isDisowned = false
  }

  @exclusivity(unchecked) var phase = Phase.starting
  /// It knows the functions whose numbers are less.
  let birth: Int
  let isAsync: Bool
  /// What it has to do, in order.
  @exclusivity(unchecked) var sent = PoolDeque<Sent>()
  /// What all of that will take, as far as that is known; in nanoseconds.
  @exclusivity(unchecked) var expected = 0
  /// No room for more until something is done.
  @exclusivity(unchecked) var isFull = false
  /// How many slices it has ended.
  @exclusivity(unchecked) var endedSlices = 0

  init(birth: Int, isAsync: Bool) {
    self.birth = birth
    self.isAsync = isAsync
  }

  var isIdle: Bool { phase == .ready && sent.isEmpty }

  /// Others wait behind what it runs, and it has not come on for a while.
  @exclusivity(unchecked) var isStuck = false
  /// `endedSlices` at the last look at that.
  var seenSlices = -1

  func canRun(_ slice: PoolSlice<Load>) -> Bool { slice.function < birth && (isAsync || !slice.isAsync) }
}
