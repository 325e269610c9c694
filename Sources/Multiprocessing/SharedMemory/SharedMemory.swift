internal import Glibc
internal import MultiprocessingEngine

/// Memory with a name, to which any program of the same user can attach. Python's `shared_memory.SharedMemory`; shm_overview(7).
///
///     let memory = try SharedMemory.create(name: "frames", size: 1 << 20)
///     // in another program, knowing nothing but the name:
///     let attached = try SharedMemory.attach(name: "frames")
///
/// The name lives until `unlink()`, or until the program that created it has ended: its first process and all that descend from it,
/// however they ended. The creator's own death does not matter as long as one of them runs; `persistent: true` keeps the name
/// beyond. The bytes live until their last user has closed, too.
///
/// It crosses to a child as an argument, alone or inside of other values, as a captured constant or as a property of a
/// `ProcessBase` subclass: there it is the same memory, with a `close()` of its own.
///
/// Nothing but the bytes is shared: to keep two users from the same ones needs a lock besides. And whoever may open the name is trusted
/// with it: a program that cuts the file short ends those with SIGBUS that read what is gone.
public final class SharedMemory: Sendable, Codable {
  /// Names the memory, without the "/" that shm_open(3) has ahead of it.
  public var name: String { file.name }
  /// In bytes, as it was asked for.
  public let size: Int
  /// Until `close()`.
  private let segment: ForkAwareLock<NamedSegment?>
  /// What `unlink()` needs even after that.
  private let file: NamedFile

  private init(_ segment: NamedSegment) {
    size = segment.size
    file = segment.file
    self.segment = ForkAwareLock(segment)
  }

  // MARK: Making and finding

  /// Creates memory of zeroes, all of it reserved.
  ///
  /// - Parameters:
  ///   - name: up to 254 bytes of UTF-8, without "/" and NUL. nil makes one up that nobody has.
  ///   - size: in bytes, at least 1.
  ///   - persistent: whether the name outlives the program, until somebody calls `unlink()`, or the system's restart.
  /// - Throws: `SharedMemoryError.invalidName`, `.invalidSize`, `.alreadyExists`, `.noSpace` when memory or its filesystem is
  ///   full, `.system`. Nothing is left after an error.
  public static func create(name: String? = nil, size: Int, persistent: Bool = false) throws -> SharedMemory {
    guard size > 0 else { throw SharedMemoryError.invalidSize(size) }
    guard let name else { return try create(size: size, persistent: persistent) }
    guard NamedFile.isValid(name: name) else { throw SharedMemoryError.invalidName(name) }
    do {
      return SharedMemory(try NamedSegment.create(name: name, size: size, persistent: persistent))
    } catch {
      throw SharedMemoryError(error, name: name, bytes: size)
    }
  }

  /// With a made-up name.
  private static func create(size: Int, persistent: Bool) throws -> SharedMemory {
    while true {
      do {
        let name = "mp_" + String(UInt64.random(in: .min ... .max), radix: 36)
        return try create(name: name, size: size, persistent: persistent)
      } catch SharedMemoryError.alreadyExists {
        // One in 2^64: another name.
      }
    }
  }

  /// Attaches to memory that any program has created, also one that knows nothing of this library.
  ///
  /// - Throws: `SharedMemoryError.notFound`, `.invalidName`, `.noSpace` for want of address space, `.system`: EACCES for another
  ///   user's, EINVAL for what has no bytes yet.
  public static func attach(name: String) throws -> SharedMemory {
    guard NamedFile.isValid(name: name) else { throw SharedMemoryError.invalidName(name) }
    do {
      return SharedMemory(try NamedSegment.attach(name: name))
    } catch {
      throw SharedMemoryError(error, name: name)
    }
  }

  // MARK: Use

  /// Calls `body` with the bytes, which are valid inside of it alone, also if another thread calls `close()` meanwhile.
  ///
  /// - Throws: what `body` throws; `SharedMemoryError.closed`.
  public func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) throws -> R {
    let segment = try open()
    return try withExtendedLifetime(segment) {
      try body(UnsafeMutableRawBufferPointer(start: segment.address, count: segment.size))
    }
  }

  private func open() throws -> NamedSegment {
    guard let segment = segment.withLock({ $0 }) else { throw SharedMemoryError.closed }
    return segment
  }

  /// Lets go of the bytes in this process. The name stays, and everybody else's use. Afterwards everything throws
  /// `SharedMemoryError.closed`, but for `unlink()`. Twice is fine.
  public func close() {
    // The last reference may end the mapping, which takes a lock itself.
    let former = segment.withLock { $0.take() }
    withExtendedLifetime(former) {}
  }

  /// Removes the name: nobody can attach any more, and the bytes are gone with their last user. Any process may, and may have closed
  /// before.
  ///
  /// - Throws: `SharedMemoryError.notFound` when the name was removed before, even if it is that of other memory now; `.system`.
  public func unlink() throws {
    do {
      try file.unlink()
    } catch {
      throw SharedMemoryError(error, name: name)
    }
  }

  // MARK: Crossing

  private enum CodingKeys: CodingKey { case descriptor, name }

  /// Takes the memory along with the arguments of a process, or with a message over a `Connection`.
  ///
  /// - Throws: `EncodingError` for every other coder; `SharedMemoryError.closed`.
  public func encode(to encoder: any Encoder) throws {
    let wire = try HandleCoding.wire(encoder, of: self)
    let segment = try open()
    var container = wire.container(keyedBy: CodingKeys.self)
    try container.encode(try wire.attach(descriptor: segment.descriptor.raw), forKey: .descriptor)
    try container.encode(name, forKey: .name)
  }

  /// Finds the memory that was sent: the same, not a copy.
  ///
  /// - Throws: `DecodingError` for every other coder, and for what is no memory; `SharedMemoryError`.
  public convenience init(from decoder: any Decoder) throws {
    let wire = try HandleCoding.wire(decoder, of: Self.self)
    let container = try wire.container(keyedBy: CodingKeys.self)
    let name = try container.decode(String.self, forKey: .name)
    guard NamedFile.isValid(name: name) else {
      throw HandleCoding.corrupted(Self.self, "its name makes no sense", from: decoder)
    }
    do {
      switch try wire.descriptor(at: try container.decode(Int.self, forKey: .descriptor)) {
      case .inherited(let raw): self.init(try NamedSegment.find(inherited: raw))
      case .received(let descriptor): self.init(try NamedSegment.find(descriptor, name: name))
      }
    } catch let failure as SystemFailure {
      throw SharedMemoryError(failure, name: name)
    }
  }
}

extension SharedMemory: CustomStringConvertible {
  /// "SharedMemory(name: frames, size: 1048576)".
  public var description: String { "SharedMemory(name: \(name), size: \(size))" }
}
