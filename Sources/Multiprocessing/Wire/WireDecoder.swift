/// Decodes values one after another, in the order in which they were encoded.
///
/// It borrows its bytes: use it inside `Wire.withDecoder`.
final class WireDecoder {
  let userInfo: [CodingUserInfoKey: Any]
  /// Reads the bytes while they are there. Not to be stored.
  private(set) var reader: WireReader

  /// The descriptors that came with the bytes.
  let descriptors: WireDescriptors

  // A decoder for a whole value, which nobody refers to. Retained by hand, as its own spare is.
  private var spare: Unmanaged<WireValueDecoder>?
  private var cursor = 0
  private var hasFault = false
  private var fault: DecodingError?

  init(_ bytes: UnsafeRawBufferPointer, userInfo: [CodingUserInfoKey: any Sendable], descriptors: WireDescriptors) {
    reader = WireReader(bytes)
    // To convert an empty one takes as long as a small value.
    if userInfo.isEmpty { self.userInfo = [:] } else { self.userInfo = userInfo }
    self.descriptors = descriptors
  }

  deinit { spare?.release() }

  /// The decoder that is kept for the next whole value.
  func takeSpare() -> WireValueDecoder? {
    defer { spare = nil }
    return spare?.takeRetainedValue()
  }

  /// Keeps a decoder that nobody else refers to; one is enough.
  func keep(_ decoder: WireValueDecoder) {
    if spare == nil { spare = .passRetained(decoder) }
  }

  /// Begins anew with other bytes.
  func begin(_ bytes: UnsafeRawBufferPointer) {
    reader = WireReader(bytes)
    cursor = 0
  }

  /// Decodes the next value.
  func next<T: Decodable>(_ type: T.Type) throws -> T {
    let value: WireValue
    do throws(WireFault) {
      value = try reader.value(at: cursor, limit: reader.count)
    } catch {
      throw error.decodingError(for: type, at: [])
    }
    cursor = value.end
    hasFault = false
    let result = try WireValueDecoder.decode(type, value, in: self)
    if hasFault { try throwFault() }
    return result
  }

  /// Remembers an error from where none can be thrown.
  func note(_ error: DecodingError) {
    if hasFault { return }
    hasFault = true
    fault = error
  }

  private func throwFault() throws {
    if let error = fault { throw error }
  }

  /// Throws if bytes are left that no value has been decoded from.
  func checkAtEnd() throws {
    if cursor != reader.count {
      throw WireFault.malformed(cursor).decodingError(for: Never.self, at: [])
    }
  }

  /// Lets go of the bytes: from now on, all that was derived from them throws.
  func close() { reader = WireReader(UnsafeRawBufferPointer(start: nil, count: 0)) }
}

extension WireFault {
  /// The error for whoever asked for a value of `type` at a coding path.
  func decodingError(for type: Any.Type, at codingPath: [any CodingKey]) -> DecodingError {
    func context(_ description: String) -> DecodingError.Context {
      DecodingError.Context(codingPath: codingPath, debugDescription: description)
    }
    return switch self {
    case .malformed(let offset):
      .dataCorrupted(context("The encoded bytes are malformed at offset \(offset)."))
    case .null: .valueNotFound(type, context("Expected \(type), found nil."))
    case .mismatch: .typeMismatch(type, context("Expected \(type), found a value of another type."))
    case .doesNotFit: .dataCorrupted(context("The number does not fit in \(type)."))
    }
  }
}
