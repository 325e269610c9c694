import CMultiprocessing
import Glibc

/// A message as it was received. What it brought is closed with it, unless it was taken.
package struct IncomingMessage {
  package let kind: MessageHeader.Kind
  package let length: Int
  /// The descriptors that came along, but for the memory file.
  package let descriptors: ReceivedDescriptors
  private let content: Content

  private enum Content {
    /// Valid as long as the receiving call lasts.
    case inline(UnsafeRawBufferPointer)
    case owned([UInt8])
    case file(SharedDescriptor)
  }

  private static let noDescriptors = ReceivedDescriptors()

  init(_ header: MessageHeader, inline bytes: UnsafeRawBufferPointer, descriptors: ReceivedDescriptors? = nil) {
    kind = header.kind
    length = header.length
    self.descriptors = descriptors ?? Self.noDescriptors
    content = .inline(bytes)
  }

  /// One that came by itself.
  init(_ message: (header: MessageHeader, payload: [UInt8])) {
    kind = message.header.kind
    length = message.header.length
    descriptors = Self.noDescriptors
    content = .owned(message.payload)
  }

  init(_ header: MessageHeader, file: SharedDescriptor, descriptors: ReceivedDescriptors) {
    kind = header.kind
    length = header.length
    self.descriptors = descriptors
    content = .file(file)
  }

  /// The payload, to look at: a file's is mapped, not copied.
  package func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) throws -> Value {
    switch content {
    case .inline(let bytes): return try body(bytes)
    case .owned(let bytes): return try bytes.withUnsafeBytes(body)
    case .file(let file):
      try check(file)
      let payload: Payload
      do {
        payload = try Payload(mapping: file.raw, length: length)
      } catch let failure as SystemFailure {
        throw SocketFailure.system(failure)
      }
      return try withExtendedLifetime(payload) { try body(payload.bytes) }
    }
  }

  /// The payload, to keep.
  package func bytes() throws(SocketFailure) -> [UInt8] {
    switch content {
    case .inline(let bytes): return Array(bytes)
    case .owned(let bytes): return bytes
    case .file(let file):
      try check(file)
      return try SocketFailure.of { () throws(SystemFailure) in
        try [UInt8](unsafeUninitializedCapacity: length) { (buffer, count) throws(SystemFailure) in
          // More than asked for may be reserved.
          try Syscall.readAll(
            file.raw, into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<length]))
          count = length
        }
      }
    }
  }

  /// A length that nothing stands behind must not make anybody reserve memory, and a file that can still change is nobody's
  /// to map.
  private func check(_ file: SharedDescriptor) throws(SocketFailure) {
    let isWhole = try SocketFailure.of { () throws(SystemFailure) in
      guard try Syscall.isSealed(file.raw), try Syscall.size(of: file.raw) >= length else { return false }
      return try Syscall.allocatedSize(of: file.raw) >= length
    }
    guard isWhole, length > 0 else { throw .corrupt("a message of \(length) bytes that are not there") }
  }
}
