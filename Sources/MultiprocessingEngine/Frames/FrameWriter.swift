/// Sends frames over a packet socket. A payload that could fill the socket's buffer goes into a memory file, so that the
/// sender never waits for a reader: a child that is done is gone.
struct FrameWriter {
  /// Well below the least a unix socket's buffer holds.
  static let longestInline = 32 << 10

  let socket: Int32

  func send(_ kind: FrameHeader.Kind, _ payload: [UInt8]) throws {
    guard payload.count > Self.longestInline else {
      try sendPacket(FrameHeader(kind, length: payload.count).bytes, payload)
      return
    }
    let file = try SealedMemory.file(holding: payload)
    // The header goes ahead as a packet of its own: the reader then knows that a descriptor comes next, and asks for it
    // in a way that loses nothing when its table is full.
    try sendPacket(FrameHeader(kind, storage: .memoryFile, length: payload.count).bytes, [])
    try sendPacket([0], [], passing: file.raw)
  }

  private func sendPacket(_ header: [UInt8], _ payload: [UInt8], passing descriptor: Int32 = -1) throws {
    try header.withUnsafeBytes { header in
      try payload.withUnsafeBytes { payload in
        try Syscall.sendPacket(socket, header: header, payload: payload, passing: descriptor)
      }
    }
  }
}
