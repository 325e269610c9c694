/// Results on their way to whoever takes them one by one: in order where that was promised, and what ends them early in the place of the next one.
struct ResultOrder<Out> {
  private let isOrdered: Bool
  /// What came ahead of its turn.
  private var early: [Int: Result<Out, any Error>] = [:]
  private var ready = PoolDeque<Result<Out, any Error>>()
  /// The place of the next result in order.
  private var place = 0
  private var failure: (any Error)?
  private var isOver = false

  init(isOrdered: Bool) { self.isOrdered = isOrdered }

  /// How many nobody has taken.
  var unread: Int { ready.count + early.count }
  /// Whether more results are wanted.
  var isWanting: Bool { failure == nil && !isOver }

  mutating func add(_ index: Int, _ result: Result<Out, any Error>) {
    guard isOrdered else { return ready.append(result) }
    early[index] = result
    while let result = early.removeValue(forKey: place) {
      ready.append(result)
      place += 1
    }
  }

  /// Nothing more will come. What is there is told first, and then this, once.
  mutating func fail(_ error: any Error) { failure = error }

  /// Nothing more is wanted.
  mutating func cancel() { isOver = true }

  /// The next result that is there; nil when there is none, and `isOver` says whether one will come, if not `isDone`.
  mutating func next(isDone: Bool) -> (result: Result<Out, any Error>?, isOver: Bool) {
    if isOver { return (nil, true) }
    if let result = ready.popFirst() { return (result, false) }
    guard let failure else { return (nil, isDone) }
    isOver = true
    return (.failure(failure), false)
  }
}
