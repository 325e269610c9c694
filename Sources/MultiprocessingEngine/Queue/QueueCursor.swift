import Synchronization

/// One side's progress in shared memory, changed by one write.
///
///     0   selector  counts the changes; its lowest bit names the valid slot
///     8   slot 0    position, count
///     24  slot 1    position, count
///
/// A change fills the other slot and then publishes the selector. Whoever dies before that has changed nothing; whoever dies
/// after it has changed everything.
struct QueueCursor: @unchecked Sendable {
  // Sendable: the memory is touched by atomic operations alone.
  private let selector: SharedWord
  private let slots: UnsafeMutableRawPointer

  static let size = 40

  init(at address: UnsafeMutableRawPointer) {
    selector = SharedWord(at: address)
    slots = address + 8
  }

  /// For the holder of the side's mutex, who alone changes it.
  var own: QueueProgress {
    read(slot: selector.value)
  }

  /// For everybody else: what held at one moment during the call.
  func observe() -> QueueProgress {
    while true {
      let before = selector.observe()
      let progress = read(slot: before)
      // The slot is filled anew only after another change was published: if none was, what was read is whole. The fence keeps
      // the second reading of the selector behind those of the slot.
      atomicMemoryFence(ordering: .acquiring)
      if selector.value == before { return progress }
    }
  }

  /// For the holder of the side's mutex: the one write that counts. It publishes what was written into the block before.
  func commit(_ progress: QueueProgress) {
    // Keeps the writes into the slot behind the selector's last change, after which nobody trusts that slot.
    atomicMemoryFence(ordering: .releasing)
    let next = selector.value &+ 1
    let slot = slots + Int(next & 1) * 16
    SharedWord(at: slot).value = progress.position.bits
    SharedWord(at: slot + 8).value = progress.count
    selector.publish(next)
  }

  @inline(__always) private func read(slot: UInt64) -> QueueProgress {
    let slot = slots + Int(slot & 1) * 16
    return QueueProgress(
      position: QueuePosition(bits: SharedWord(at: slot).value), count: SharedWord(at: slot + 8).value)
  }
}
