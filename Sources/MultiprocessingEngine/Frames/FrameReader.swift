import Glibc

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
      // Without its file the announcement is void, and what came instead stands for itself.
      let payload = try memoryFile(of: header)
      pending = nil
      if let payload { return .frame(header.kind, payload) }
    }
    let received = try receive()
    guard let received else { return .none }
    guard let (header, payload) = received.packet else { return .end }
    guard header.storage == .memoryFile else { return .frame(header.kind, payload) }
    pending = header
    return try next(pending: &pending)
  }

  private struct Received {
    /// nil: the end of the stream.
    var packet: (header: FrameHeader, payload: Payload)?
  }

  /// nil when there is nothing at the moment.
  private func receive() throws -> Received? {
    let capacity = FrameHeader.size + FrameWriter.longestInline
    return try withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 8) { buffer in
      guard let length = try Syscall.receivePacket(socket, into: buffer) else { return nil }
      guard length > 0 else { return Received(packet: nil) }
      guard length <= capacity else { throw FrameError.corrupt("a packet of \(length) bytes") }
      let header = try FrameHeader(parsing: UnsafeRawBufferPointer(rebasing: buffer[..<length]))
      let payload = UnsafeRawBufferPointer(rebasing: buffer[FrameHeader.size..<length])
      guard header.storage == .memoryFile || header.length == payload.count else {
        throw FrameError.truncated
      }
      return Received(packet: (header, Payload(copying: payload)))
    }
  }

  /// nil when the next packet brings no descriptor.
  private func memoryFile(of header: FrameHeader) throws -> Payload? {
    guard let file = try nextDescriptor() else { return nil }
    let payload = try Payload(mapping: file.raw, length: header.length)
    // Takes the packet out of the queue; its copy of the descriptor goes with it.
    _ = try Syscall.receivePacket(socket, into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
    return payload
  }

  private func nextDescriptor() throws -> SharedDescriptor? {
    do {
      return SharedDescriptor(
        try Descriptor.listing { () throws(SystemFailure) in try Syscall.peekDescriptor(socket) })
    } catch {
      // Another packet, or none: whoever announced it is gone.
      if error.errno == EBADMSG || error.errno == EAGAIN { return nil }
      throw error
    }
  }
}
