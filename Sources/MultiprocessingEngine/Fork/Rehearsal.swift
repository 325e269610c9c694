import CMultiprocessing

/// Walks the child's path once in the parent, to no effect: the linker then binds the functions on it, and the Swift
/// runtime makes the types, in the parent, and not in every child anew, where each page they write is a copied one. A
/// child that makes no types of the engine's also has no part in the runtime's locks.
package enum Rehearsal {
  /// `readRecord` does what the layer above does with a record. Whatever fails here fails without harm.
  package static func run(record: [UInt8], readRecord: (Payload) throws -> Void) {
    mp_launch_rehearse()
    // Looks at a global, for which the runtime has functions of its own.
    ChildExit.rehearse()
    do {
      let pipe = try Descriptor.Pair.listing { () throws(SystemFailure) in try Syscall.pipe() }
      let packed = try LaunchFrame.pack(record, forPipe: pipe.second.raw)
      try packed.bytes.withUnsafeBytes { try Syscall.writeAll(pipe.second.raw, $0) }
      if let payload = try LaunchFrame.read(from: pipe.first.raw) { try readRecord(payload) }
      let sockets = try Descriptor.Pair.listing { () throws(SystemFailure) in try Syscall.packetPair() }
      try FrameWriter(socket: sockets.second.raw).send(.value, [])
      var pending: FrameHeader?
      _ = try FrameReader(socket: sockets.first.raw).next(pending: &pending)
    } catch {
      // A start that lacks the same will say so.
    }
  }
}
