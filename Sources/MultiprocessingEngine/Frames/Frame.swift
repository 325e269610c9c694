/// What goes between a parent and its child: a header of 16 bytes, then the payload, inline or in a sealed memory file.
///
///     magic     4  "MPfr", little endian
///     version   1
///     kind      1
///     storage   2  0 inline, 1 in a memory file
///     length    8  of the payload
package struct FrameHeader: Equatable, Sendable {
  package enum Kind: UInt8, Sendable, CaseIterable {
    /// Parent to child: all that the child needs to know.
    case launch = 1
    /// Child to parent: what the body returned, as the layer above encodes it.
    case value = 2
    /// Child to parent: the error that the body threw, as the layer above encodes it.
    case error = 3
    /// Child to parent: a crash record.
    case crash = 4
    /// Child to parent: the outcome could not be sent; a sentence says why.
    case undeliverable = 5
  }

  package enum Storage: UInt16, Sendable {
    case inline = 0
    case memoryFile = 1
  }

  package static let size = 16
  package static let version: UInt8 = 1
  private static let magic: UInt32 = 0x7266_504d
  /// A payload longer than this is a corrupt length, not a payload.
  package static let longest: UInt64 = 1 << 40

  package var kind: Kind
  package var storage: Storage
  package var length: Int

  package init(_ kind: Kind, storage: Storage = .inline, length: Int) {
    self.kind = kind
    self.storage = storage
    self.length = length
  }

  /// Reads a header; anything but a header of this version is an error.
  package init(parsing bytes: UnsafeRawBufferPointer) throws {
    guard bytes.count >= Self.size else { throw FrameError.truncated }
    func field<Number: FixedWidthInteger>(_ offset: Int, _ type: Number.Type) -> Number {
      Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
    guard field(0, UInt32.self) == Self.magic else { throw FrameError.corrupt("no frame begins here") }
    let version = field(4, UInt8.self)
    guard version == Self.version else {
      throw FrameError.corrupt("frame version \(version), expected \(Self.version)")
    }
    guard let kind = Kind(rawValue: field(5, UInt8.self)) else {
      throw FrameError.corrupt("unknown kind of frame")
    }
    guard let storage = Storage(rawValue: field(6, UInt16.self)) else {
      throw FrameError.corrupt("unknown storage of a frame")
    }
    let length = field(8, UInt64.self)
    guard length <= Self.longest else { throw FrameError.corrupt("a frame of \(length) bytes") }
    self.init(kind, storage: storage, length: Int(length))
  }

  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.size)
    bytes.append(littleEndian: Self.magic)
    bytes.append(Self.version)
    bytes.append(kind.rawValue)
    bytes.append(littleEndian: storage.rawValue)
    bytes.append(littleEndian: UInt64(length))
    return bytes
  }
}

package enum FrameError: Error, Equatable {
  /// The bytes end inside a frame.
  case truncated
  case corrupt(String)
}
