import CMultiprocessing

/// The launch record on its way through the pipe: whole in the pipe where it fits, else the number of a sealed memory
/// file that the child inherits. The parent writes before anybody reads, and can neither block nor meet a dead reader.
enum LaunchFrame {
  /// Every pipe holds as much (PIPE_BUF), however few pages the system granted it.
  private static let alwaysFits = 4096

  /// The bytes for the pipe, and the memory file if one is needed.
  struct Packed: ~Copyable {
    let bytes: [UInt8]
    let file: Descriptor?
    /// The number of `file`, for the child to keep.
    let inherited: Int32?
  }

  static func pack(_ record: [UInt8], forPipe writer: Int32) throws -> Packed {
    let size = FrameHeader.size + record.count
    if try size <= alwaysFits || size <= Syscall.capacity(ofPipe: writer) {
      return Packed(
        bytes: FrameHeader(.launch, length: record.count).bytes + record, file: nil, inherited: nil)
    }
    let file = try SealedMemory.file(holding: record)
    var bytes = FrameHeader(.launch, storage: .memoryFile, length: record.count).bytes
    bytes.append(littleEndian: file.raw)
    let inherited = file.raw
    return Packed(bytes: bytes, file: file, inherited: inherited)
  }

  /// Reads the record in the child; nil when the parent gave the start up.
  static func read(from pipe: Int32) throws -> Payload? {
    try withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { buffer in
      var filled = 0
      // One read brings an ordinary record whole.
      while filled < FrameHeader.size {
        let count = try Syscall.read(pipe, into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
        if count == 0 {
          if filled == 0 { return nil }
          throw FrameError.truncated
        }
        filled += count
      }
      let header = try FrameHeader(parsing: UnsafeRawBufferPointer(rebasing: buffer[..<filled]))
      guard header.kind == .launch else {
        throw FrameError.corrupt("\(header.kind) instead of a launch record")
      }
      let start = UnsafeRawBufferPointer(rebasing: buffer[FrameHeader.size..<filled])
      switch header.storage {
      case .inline:
        return try readRest(of: header.length, after: start, from: pipe)
      case .memoryFile:
        let number = try readRest(of: MemoryLayout<Int32>.size, after: start, from: pipe)
        let raw = withExtendedLifetime(number) { Int32(littleEndian: $0.bytes.loadUnaligned(as: Int32.self)) }
        let file = Descriptor(inherited: raw)
        return try Payload(mapping: file.raw, length: header.length)
      }
    }
  }

  /// A pipe's greatest capacity for a program without privileges is 1 MiB, and what is longer comes in a memory file.
  private static let longestInline = 64 << 20

  private static func readRest(of length: Int, after start: UnsafeRawBufferPointer, from pipe: Int32) throws
    -> Payload
  {
    guard start.count <= length, length <= longestInline else {
      throw FrameError.corrupt("a record of \(length) bytes")
    }
    return try Payload(count: length) { rest in
      rest.copyMemory(from: start)
      var filled = start.count
      while filled < length {
        let read = try Syscall.read(pipe, into: UnsafeMutableRawBufferPointer(rebasing: rest[filled...]))
        guard read > 0 else { throw FrameError.truncated }
        filled += read
      }
    }
  }
}
