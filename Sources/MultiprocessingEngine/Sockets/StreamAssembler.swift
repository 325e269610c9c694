/// Cuts a stream of bytes into messages. Memory grows with the bytes that have come, not with the lengths they claim.
struct StreamAssembler {
  private var bytes: [UInt8] = []
  /// Where the first byte lies that belongs to no message yet taken.
  private var start = 0
  /// The bytes still to come of a message that nobody wants.
  private var unwanted = 0
  private var defect: SocketFailure?

  mutating func append(_ more: UnsafeRawBufferPointer) {
    let skipped = min(unwanted, more.count)
    unwanted -= skipped
    bytes.append(contentsOf: more[skipped...])
  }

  /// The header of the next message, once it has come. What is no header stays so: nothing tells where the next one begins.
  mutating func header() throws(SocketFailure) -> MessageHeader? {
    if let defect { throw defect }
    guard bytes.count - start >= MessageHeader.size else { return nil }
    do throws(SocketFailure) {
      let header = try bytes.withUnsafeBufferPointer { (bytes) throws(SocketFailure) in
        try MessageHeader(parsing: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start...]))
      }
      guard header.descriptorCount == 0, header.kind != .announcement else {
        throw .corrupt("a message with descriptors, which TCP does not carry")
      }
      return header
    } catch {
      defect = error
      throw error
    }
  }

  /// How many bytes are still to come of the next message, or of its header as long as that has not come.
  var missing: Int {
    mutating get throws(SocketFailure) {
      if unwanted > 0 { return unwanted }
      let count = bytes.count - start
      guard let header = try header() else { return MessageHeader.size - count }
      return MessageHeader.size + header.length - count
    }
  }

  /// Whether the message of that header has come whole.
  func isComplete(_ header: MessageHeader) -> Bool { bytes.count - start - MessageHeader.size >= header.length }

  /// Takes the next message, which has come whole.
  mutating func take(_ header: MessageHeader) -> [UInt8] {
    let first = start + MessageHeader.size
    let payload = Array(bytes[first..<first + header.length])
    discard(first + header.length)
    return payload
  }

  /// Takes the next message, of which the header has come, and forgets it.
  mutating func drop(_ header: MessageHeader) {
    let end = start + MessageHeader.size + header.length
    unwanted = max(0, end - bytes.count)
    discard(min(end, bytes.count))
  }

  private mutating func discard(_ end: Int) {
    start = end
    if start == bytes.count {
      // A long message's memory is not kept for the short ones that may follow.
      bytes.removeAll(keepingCapacity: bytes.capacity <= 256 << 10)
      start = 0
    } else if start > bytes.count / 2 {
      bytes.removeSubrange(..<start)
      start = 0
    }
  }
}
