/// What goes ahead of every message between two ends of a connection: 16 bytes, little endian.
///
///     mark         1  0xC3
///     kind         1
///     storage      1  0 the payload follows, 1 it is in the memory file that comes first among the descriptors
///     descriptors  1  how many come along, the memory file included
///     serial       4  random, to tell messages with descriptors apart; else 0
///     length       8  of the payload
package struct MessageHeader: Equatable, Sendable {
  package enum Kind: UInt8, Sendable, CaseIterable {
    /// An encoded value.
    case value = 1
    case bytes = 2
    /// A descriptor of the sender's; no payload.
    case descriptor = 3
    /// A message with descriptors comes next; no payload. See `PacketTransport`.
    case announcement = 4
    /// A step of the authentication.
    case handshake = 5
  }

  package enum Storage: UInt8, Sendable {
    case inline = 0
    case memoryFile = 1
  }

  package static let size = 16
  private static let mark: UInt8 = 0xC3
  /// A payload longer than this is a corrupt length, not a payload.
  package static let longest: UInt64 = 1 << 40

  package var kind: Kind
  package var storage: Storage
  package var descriptorCount: Int
  package var serial: UInt32
  package var length: Int

  package init(_ kind: Kind, storage: Storage = .inline, descriptorCount: Int = 0, serial: UInt32 = 0, length: Int) {
    self.kind = kind
    self.storage = storage
    self.descriptorCount = descriptorCount
    self.serial = serial
    self.length = length
  }

  /// Reads a header, of which all must make sense.
  package init(parsing bytes: UnsafeRawBufferPointer) throws(SocketFailure) {
    guard bytes.count >= Self.size else {
      throw .corrupt("a message of \(bytes.count) bytes, which ends in its header")
    }
    guard bytes[0] == Self.mark else { throw .corrupt("no message begins here") }
    guard let kind = Kind(rawValue: bytes[1]), let storage = Storage(rawValue: bytes[2]) else {
      throw .corrupt("a message of an unknown kind")
    }
    let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    guard length <= Self.longest else { throw .corrupt("a message of \(length) bytes") }
    self.init(
      kind, storage: storage, descriptorCount: Int(bytes[3]),
      serial: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)), length: Int(length))
    guard isConsistent else { throw .corrupt("a message whose header contradicts itself") }
  }

  private var isConsistent: Bool {
    switch kind {
    case .value: storage == .inline || descriptorCount > 0
    case .bytes: descriptorCount == (storage == .memoryFile ? 1 : 0)
    case .descriptor: storage == .inline && descriptorCount == 1 && length == 0
    case .announcement: storage == .inline && descriptorCount == 0 && length == 0
    case .handshake: storage == .inline && descriptorCount == 0
    }
  }

  /// Calls `body` with the header's bytes.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let first =
      UInt64(Self.mark) | UInt64(kind.rawValue) << 8 | UInt64(storage.rawValue) << 16
      | UInt64(UInt8(descriptorCount)) << 24 | UInt64(serial) << 32
    var words = (first.littleEndian, UInt64(length).littleEndian)
    return try withUnsafeBytes(of: &words) { (bytes) throws(Failure) in try body(bytes) }
  }
}
