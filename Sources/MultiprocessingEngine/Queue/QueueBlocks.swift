/// The blocks of a queue, by the lowest bits of their numbers. A number's entry is written before the tail moves into that block, by
/// the holder of the tail's mutex; whoever has seen the tail there can read it.
struct QueueBlocks {
  let base: UnsafeMutableRawPointer

  private func word(_ number: UInt16, _ field: Int) -> SharedWord {
    let entry = QueueLayout.blocks + Int(number) % QueueLayout.mostBlocks * QueueLayout.bytesPerBlock
    return SharedWord(at: base + entry + field * SharedWord.size)
  }

  subscript(number: UInt16) -> QueueBlock {
    get {
      QueueBlock(
        start: Int(truncatingIfNeeded: word(number, 0).value), size: Int(truncatingIfNeeded: word(number, 1).value))
    }
    nonmutating set {
      word(number, 0).value = UInt64(newValue.start)
      word(number, 1).value = UInt64(newValue.size)
    }
  }

  /// The offset in the block behind its last record. Means something once the tail has left the block.
  func end(of number: UInt16) -> Int { Int(truncatingIfNeeded: word(number, 2).value) }
  func setEnd(of number: UInt16, _ offset: Int) { word(number, 2).value = UInt64(offset) }
}
