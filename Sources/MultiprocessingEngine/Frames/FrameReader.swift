/// Reads the frames of a packet socket, and waits for none.
struct FrameReader {
  let socket: Int32

  enum Next {
    case frame(FrameHeader.Kind, Payload)
    /// Nothing more at the moment.
    case none
    /// Nothing more ever.
    case end
  }

  /// Throws `FrameError` for what is no frame, and `SystemFailure` when the system lacks something: the frame then
  /// stays where it is and can be asked for again, but for its header, which `pending` holds.
  func next(pending: inout FrameHeader?) throws -> Next {
    if let header = pending {
      let payload = try memoryFile(of: header)
      pending = nil
      return .frame(header.kind, payload)
    }
    let received = try receive()
    guard case .some(let (header, payload)) = received else { return .none }
    guard let header else { return .end }
    guard header.storage == .memoryFile else { return .frame(header.kind, Payload(payload)) }
    pending = header
    return try next(pending: &pending)
  }

  /// nil: nothing there; a nil header: the end.
  private func receive() throws -> (header: FrameHeader?, payload: [UInt8])? {
    let capacity = FrameHeader.size + FrameWriter.longestInline
    return try withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 8) { buffer in
      guard let length = try Syscall.receivePacket(socket, into: buffer) else { return nil }
      guard length > 0 else { return (nil, []) }
      guard length <= capacity else { throw FrameError.corrupt("a packet of \(length) bytes") }
      let header = try FrameHeader(parsing: UnsafeRawBufferPointer(rebasing: buffer[..<length]))
      let payload = UnsafeRawBufferPointer(rebasing: buffer[FrameHeader.size..<length])
      guard header.storage == .memoryFile || header.length == payload.count else {
        throw FrameError.truncated
      }
      return (header, [UInt8](payload))
    }
  }

  private func memoryFile(of header: FrameHeader) throws -> Payload {
    let file = try Descriptor.listing { () throws(SystemFailure) in try Syscall.peekDescriptor(socket) }
    let mapping = try SealedMemory.map(file.raw, length: header.length)
    // Takes the packet out of the queue; its copy of the descriptor goes with it.
    _ = try Syscall.receivePacket(socket, into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
    return Payload(mapping)
  }
}
