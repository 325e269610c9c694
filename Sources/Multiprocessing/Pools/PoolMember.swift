internal import MultiprocessingEngine

/// A worker, as its pool knows it: the process, and this end of the lane.
final class PoolMember: @unchecked Sendable {
  // Sendable: what changes is guarded by the pool's lock, which keeps accesses apart as well.

  /// Why the pool has ended it.
  enum Doom {
    /// The item of that beginning took too long.
    case overdue(begun: UInt64)
    /// It did not begin with what it was given.
    case stalled
    /// Nobody wants the result of what it runs.
    case cancelled
    case terminated
  }

  let process: ProcessStorage
  private(set) var lane: Lane
  private let stock: LaneStock
  @exclusivity(unchecked) var writer: LaneWriter
  @exclusivity(unchecked) var reader: LaneReader
  /// nil until it is born.
  var pidfd: SharedDescriptor?
  @exclusivity(unchecked) var doom: Doom?
  /// `endedSlices` when the pool last looked for idle ones.
  var seenSlices = -1
  /// Since when it has not begun with what it was given, and how much it had done then.
  @exclusivity(unchecked) var stall: (since: UInt64, done: Int)?
  /// Its initializer has run.
  @exclusivity(unchecked) var isReady = false

  init(_ process: ProcessStorage, _ stock: LaneStock) throws(SystemFailure) {
    self.process = process
    self.stock = stock
    lane = try stock.take()
    writer = lane.requestWriter()
    reader = lane.replyReader()
  }

  deinit {
    // A result of its may be unread still.
    if process.status() != nil, isKnownUniquelyReferenced(&lane) { stock.giveBack(lane) }
  }

  /// Sends a slice; nil when there is no room.
  func send(_ slice: PoolSlice<PoolLoad>) -> PoolTicket? {
    var header = SliceHeader(
      function: slice.load.job.function.number, first: slice.items.lowerBound, count: slice.items.count, offset: -1,
      length: 0)
    switch slice.load.storage {
    case .block(let block, let length):
      header.offset = block.offset
      header.length = length
      guard let room = writer.room(for: SliceHeader.size) else { return nil }
      room.storeBytes(of: header, as: SliceHeader.self)
      let ticket = PoolTicket(place: room, position: writer.position)
      writer.commit(PoolRequest.slice.rawValue, SliceHeader.size)
      return ticket
    case .bytes(let bytes):
      header.length = bytes.count
      let length = SliceHeader.size + bytes.count
      guard let room = writer.room(for: length) else { return nil }
      let ticket = PoolTicket(place: room, position: writer.position)
      room.storeBytes(of: header, as: SliceHeader.self)
      bytes.withUnsafeBytes { bytes in
        if let base = bytes.baseAddress { (room + SliceHeader.size).copyMemory(from: base, byteCount: bytes.count) }
      }
      writer.commit(PoolRequest.slice.rawValue, length)
      return ticket
    }
  }

  /// Takes a slice back; false when the worker has begun with it.
  func withdraw(_ ticket: PoolTicket) -> Bool {
    // What other requests lie upon by now was done long ago, though nobody has heard of its end yet.
    writer.isIntact(ticket.position) && SliceHeader.claim(at: ticket.place, for: SliceHeader.Claim.withdrawn)
  }

  /// What the worker has not begun with of a slice that it has taken is not wanted any more.
  func disown(_ ticket: PoolTicket) {
    if writer.isIntact(ticket.position) { SliceHeader.disown(at: ticket.place) }
  }

  /// Tells it to end, once it has done what it was sent; false when there is no room for that.
  func stop() -> Bool {
    guard writer.room(for: 0) != nil else { return false }
    writer.commit(PoolRequest.stop.rawValue, 0)
    lane.wakeWorker()
    return true
  }

  /// Ends it at once. Without effect when it has ended.
  func kill(_ doom: Doom, by signal: Signal = .kill) {
    self.doom = self.doom ?? doom
    process.signalIgnoringErrors(signal)
  }

  /// What a dead worker had written of a record that it did not complete: how many numbers, and where they are.
  func unfinishedNumbers() -> (count: Int, numbers: UnsafeRawPointer)? {
    let growing = lane.growing.observe()
    guard growing > 0, growing - 1 >= lane.replies.tailSeen else { return nil }
    let room = reader.unfinished(at: growing - 1)
    // Written before the worker died, which whoever has reaped it sees.
    let count = Int(room.load(as: UInt64.self))
    return count > 0 ? (count, UnsafeRawPointer(room + 8)) : nil
  }
}
