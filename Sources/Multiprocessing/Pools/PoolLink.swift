internal import Glibc
internal import MultiprocessingEngine

/// A worker's end of its lane. For one thread, and no part of it is lent out: no checks of exclusive access are needed.
final class PoolLink {
  private let lane: Lane
  private let bell: (flag: LaneFlag, descriptor: Int32)
  private var patience: SpinPatience
  @exclusivity(unchecked) private var requests: LaneReader
  @exclusivity(unchecked) private var answers: LaneWriter
  private var blocks: BlockMap
  /// Blocks that the pool may still read.
  private var lent: [BlockMap.Block] = []
  /// The bell is gone: nobody hears what is told, until the worker has ended.
  private(set) var isMute = false
  /// What was told last may be found without the bell, by a thread that is looking for it.
  private var isUnrung = false

  /// What is longer goes into a block.
  private static let longestInline = 12 << 10
  /// Free memory that a worker keeps for long results.
  private static let keptMemory = 16 << 20
  /// The largest record of numbers.
  static let longestNumbers = 8 << 10
  /// Of two texts in one record each, though a character that was cut in two takes more afterwards.
  static let longestText = 4 << 10
  /// How long an answer waits for somebody who finds it without the bell, in nanoseconds.
  private static let hearing: UInt64 = 3_000

  init(_ lane: Lane, bell: (flag: LaneFlag, descriptor: Int32), spins: Bool) {
    self.lane = lane
    self.bell = bell
    patience = SpinPatience(isAllowed: spins)
    requests = lane.requestReader()
    answers = lane.replyWriter()
    blocks = BlockMap(lane.blocks, keeping: Self.keptMemory, page: SharedRegion.pageSize)
  }

  // MARK: Requests

  /// Waits for a request, which stays until it is released; nil when the bell is gone. `hasWaited` tells that there was none at once.
  func awaitRequest(_ hasWaited: inout Bool) -> LaneRecord? {
    hasWaited = requests.isEmpty()
    if hasWaited, patience.spins { look() }
    if isUnrung { ringUnlessHeard() }
    while !isMute {
      if let request = requests.next() { return request }
      Lane.wait(lane.workerSleeps) { !requests.isEmpty() }
    }
    return nil
  }

  /// Looks for a request for a moment, as whoever has the answer often has one more. Sleeping and waking up costs more than that.
  private func look() {
    var isThere = ShortLook.look(for: Self.hearing) { !requests.isEmpty() }
    if !isThere {
      if isUnrung { ringUnlessHeard() }
      isThere = ShortLook.look(for: patience.nanoseconds - Self.hearing) { !requests.isEmpty() }
    }
    patience.note(wasWorthIt: isThere)
  }

  func release(_ request: LaneRecord) { requests.release(request) }

  // MARK: Answers

  /// Room for an answer; waits until the pool has made some.
  func room(for length: Int) -> UnsafeMutableRawPointer {
    while true {
      if let room = answers.room(for: length) { return room }
      ring()
      if isMute { _exit(1) }
      Lane.wait(lane.workerWantsRoom) { answers.room(for: length) != nil }
    }
  }

  func commit(_ answer: PoolAnswer, _ length: Int) { answers.commit(answer.rawValue, length) }

  /// Tells the pool that it may find the next record before it is complete.
  func announceGrowing() { lane.growing.publish(answers.position + 1) }

  /// The record was given up.
  func announceNothingGrows() { lane.growing.publish(0) }

  func tell(_ answer: PoolAnswer, _ bytes: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)) {
    let room = room(for: bytes.count)
    if let base = bytes.baseAddress { room.copyMemory(from: base, byteCount: bytes.count) }
    commit(answer, bytes.count)
  }

  /// An answer of any length, written by `fill`. Throws when there is no memory for it.
  func tell(
    _ answer: PoolAnswer, orBlock blockAnswer: PoolAnswer, length: Int, _ fill: (UnsafeMutableRawPointer) -> Void
  ) throws(SystemFailure) {
    if length <= Self.longestInline {
      fill(room(for: length))
      return commit(answer, length)
    }
    let block = try takeBlock(AnswerBlock.headerSize + length)
    let place = lane.region.base + block.place.lowerBound
    place.storeBytes(of: 0, as: UInt64.self)
    fill(place + AnswerBlock.headerSize)
    let record = room(for: 16)
    record.storeBytes(of: block.place.lowerBound, as: Int.self)
    record.storeBytes(of: length, toByteOffset: 8, as: Int.self)
    lent.append(block)
    commit(blockAnswer, 16)
  }

  func end(_ report: SliceReport) {
    withUnsafeBytes(of: report) { tell(.end, $0) }
    // Not while there is more to do: that may take long.
    if patience.spins, requests.isEmpty() { isUnrung = true } else { ring() }
  }

  /// Wakes the pool for what was told outside of a slice.
  func ring() {
    isUnrung = false
    if !Bell.ringIfArmed(bell.flag, bell.descriptor) { isMute = true }
  }

  private func ringUnlessHeard() {
    isUnrung = false
    if answers.isUnread { ring() }
  }

  // MARK: Items

  /// When an item begins; nil: none runs.
  func note(begun: UInt64?) { lane.begun.publish(begun ?? 0) }

  // MARK: Blocks

  private func takeBlock(_ length: Int) throws(SystemFailure) -> BlockMap.Block {
    takeBackBlocks()
    guard let block = blocks.take(length) else {
      throw SystemFailure("find room for a result of \(length) bytes", errno: ENOMEM)
    }
    if block.needsMemory {
      do throws(SystemFailure) {
        try lane.reserve(block.place)
      } catch {
        lane.region.release(block.place)
        blocks.giveBack(block, hasMemory: false)
        throw error
      }
    }
    return block
  }

  private func takeBackBlocks() {
    lent.removeAll { block in
      guard AnswerBlock.isReleased(lane.region.base + block.place.lowerBound) else { return false }
      let isSurplus = blocks.wouldSpare(block)
      if isSurplus { lane.region.release(block.place) }
      blocks.giveBack(block, hasMemory: !isSurplus)
      return true
    }
  }
}
